// A load (load.ts) that runs in a host, as a test sees it: waits for what it reports, and its end.
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../hosts/host.js';
import type { LoadOptions } from './load.js';
import type { LoadReport } from './tally.js';

const program = fileURLToPath(new URL('load.js', import.meta.url));

export class RunningLoad {
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #last: LoadReport | undefined;
  #gone: string | undefined;
  #said = '';

  constructor(host: Host, options: LoadOptions) {
    this.#child = host.spawn([process.execPath, program, JSON.stringify(options)]);
    let line = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      for (const each of lines) this.#last = JSON.parse(each) as LoadReport;
      this.#wake();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    this.#child.once('close', (code, signal) => {
      this.#gone = `The load ended with ${code ?? signal}: ${this.#said}`;
      this.#wake();
    });
  }

  /** What it said last; rejects if it ends before it has said anything. */
  async report(): Promise<LoadReport> {
    return this.until(() => true, 30_000);
  }

  /** The first report from now on of which `condition` holds; rejects after so many milliseconds, or at its end. */
  async until(condition: (report: LoadReport) => boolean, limit: number): Promise<LoadReport> {
    const end = Date.now() + limit;
    for (;;) {
      if (this.#last !== undefined && condition(this.#last)) return this.#last;
      if (this.#gone !== undefined) throw new Error(this.#gone);
      if (Date.now() > end) throw new Error(`The load did not come so far: ${JSON.stringify(this.#last)}`);
      await this.#next(end - Date.now());
    }
  }

  /** Asks it to end, and waits for the report of everything. */
  async stop(): Promise<LoadReport> {
    this.#child.stdin?.end();
    return this.until(({ ended }) => ended, 60_000);
  }

  #next(limit: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, limit));
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
