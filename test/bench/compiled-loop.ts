/**
 * A loop in C, compiled for the benchmark and driven one launch at a time, so that its rounds interleave with others
 * in one run. Invariant: one byte in, one line of nanoseconds out; a loop that ends early is an error, not a fast round.
 */
import { execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

/** Compile sources (C or C++) into an executable file. */
export function compile(sources: readonly string[], output: string, flags: readonly string[] = []): void {
  const compiler = sources.every((source) => source.endsWith('.c')) ? 'cc' : 'c++';
  execFileSync(compiler, ['-O2', ...flags, '-o', output, ...sources], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

export class CompiledLoop {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;
  readonly #closed: Promise<undefined>;

  constructor(argv: readonly [string, ...string[]]) {
    this.#child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#closed = once(this.#child, 'exit').then(() => undefined);
  }

  /** One launch; its time in microseconds, measured by the loop itself. */
  async round(): Promise<number> {
    const line = once(this.#lines, 'line') as Promise<[string]>;
    this.#child.stdin.write('x');
    const answer = await Promise.race([line, this.#closed]);
    if (answer === undefined)
      throw new Error(`the loop ended (${String(this.#child.exitCode)}) instead of a round`);
    return Number(answer[0]) / 1000;
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }
}
