// A disposable host for tests and the demo: `Host.start` makes one, `run` and `spawn` execute in it, `stop` ends it.
// The host lives as long as a pipe that only this process holds: if the test dies, whatever way, the host dies too.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export interface HostOptions {
  readonly hostname?: string;
  readonly address?: string | readonly string[];
  /** Joins the host to the machine; then `address` and `machine` of the host say how to reach each other. */
  readonly link?: boolean;
  /** Joins the hosts that name the same cable, and nothing else: device `cable0` with ADDRESS/24. */
  readonly cable?: { readonly name: string; readonly address: string };
  /** What is written lies on an ext4 image; a name keeps it for the next start of a host with that name. */
  readonly disk?: boolean | string;
  readonly env?: Readonly<Record<string, string>>;
}
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Milliseconds; afterwards the command and its process group are killed. Default five minutes. */
  readonly timeout?: number;
  readonly cwd?: string;
  readonly onOutput?: (stream: 'stdout' | 'stderr', text: string) => void;
}
export interface RunResult {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}
interface Info {
  readonly id: string;
  readonly init: number;
  readonly hostname: string;
  readonly state: string;
  readonly address?: string;
  readonly machine?: string;
  readonly cableAddress?: string;
}

// Compiled to dist/test/hosts; the scripts stay in test/hosts and the repository is the same for both.
const repository = fileURLToPath(new URL('../../../', import.meta.url));
const script = (name: string): string => `${repository}test/hosts/${name}`;

export class Host {
  readonly #runner: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(
    readonly info: Info,
    runner: ChildProcess,
    ended: Promise<void>,
    env: Readonly<Record<string, string>>,
  ) {
    this.#runner = runner;
    this.#ended = ended;
    this.#env = env;
  }

  /** The host's address on the link to the machine. */
  get address(): string | undefined {
    return this.info.address;
  }

  /** The host's address on the cable. */
  get cableAddress(): string | undefined {
    return this.info.cableAddress;
  }

  /** The process id of the runner: killing it must end the host all the same. */
  get runnerPid(): number {
    return this.#runner.pid ?? -1;
  }

  static async start(options: HostOptions = {}): Promise<Host> {
    const argv = [script('runner.mjs'), '--clean-env', '--info-fd', '3'];
    if (options.hostname !== undefined) argv.push('--hostname', options.hostname);
    for (const address of [options.address ?? []].flat()) argv.push('--address', address);
    if (options.link === true) argv.push('--link');
    if (options.cable !== undefined) argv.push('--cable', `${options.cable.name}=${options.cable.address}`);
    if (options.disk === true) argv.push('--disk');
    if (typeof options.disk === 'string') argv.push(`--disk=${options.disk}`);
    const runner = spawn(process.execPath, [...argv, '--', 'cat'], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      cwd: '/',
    });
    const ended = new Promise<void>((resolve) => runner.once('exit', () => resolve()));
    let complaint = '';
    runner.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    const info = await new Promise<Info>((resolve, reject) => {
      let said = '';
      (runner.stdio[3] as Readable).setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.endsWith('\n')) resolve(JSON.parse(said) as Info);
      });
      runner.once('error', reject);
      runner.once('close', () => reject(new Error(`The disposable host did not start: ${complaint}`)));
    });
    return new Host(info, runner, ended, options.env ?? {});
  }

  /** Forgets the disk of a name; the host that used it must have ended. */
  static async forgetDisk(name: string): Promise<void> {
    const child = spawn(process.execPath, [script('runner.mjs'), '--forget-disk', name], { stdio: 'ignore' });
    await new Promise((resolve) => child.once('exit', resolve));
  }

  /** Starts a command in the host with pipes; its process group is its own. */
  spawn(argv: readonly string[], options: Pick<RunOptions, 'env' | 'cwd'> = {}): ChildProcess {
    const { PATH } = process.env;
    return spawn('bash', [script('enter.sh'), this.info.state, ...argv], {
      stdio: 'pipe',
      detached: true,
      cwd: '/',
      env: {
        ...{ PATH, HOME: '/root', USER: 'root', LOGNAME: 'root', LANG: 'C.UTF-8' },
        ...{ OO_HOST: this.info.id, OO_HOST_CWD: options.cwd ?? repository },
        ...this.#env,
        ...options.env,
      },
    });
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const child = this.spawn(argv, options);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
        options.onOutput?.(name, text);
      });
    }
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, options.timeout ?? 300_000);
    try {
      return await new Promise<RunResult>((resolve, reject) => {
        child.once('error', reject);
        // A daemon may keep the pipes open: the command's own end counts, with a moment for what it has written.
        child.once('exit', (code, signal) => {
          const result = (): void =>
            resolve({ exitCode: code ?? undefined, signal: signal ?? undefined, ...output });
          const late = setTimeout(result, 500);
          child.once('close', () => {
            clearTimeout(late);
            result();
          });
        });
      });
    } finally {
      clearTimeout(timer);
      child.stdout?.destroy();
      child.stderr?.destroy();
    }
  }

  /** Ends the host: every process, mount, cgroup and link of it is gone when this resolves. */
  async stop(): Promise<void> {
    this.#runner.stdin?.end();
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
