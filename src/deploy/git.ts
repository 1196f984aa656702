/**
 * Git, run as the gear on the gear's own repository. The repository and its configuration are the tenant's: nothing it
 * can set there runs outside the gear, because git itself runs inside. Invariant: no shell, no question asked (no
 * terminal, no password prompt), no protocol that reads this host, English words to parse, an end.
 */
import { OoError } from '../native/error.js';
import type { LaunchResult } from '../native/launch.js';
import { allowedProtocols } from './source-url.js';

const GIT = '/usr/bin/git';
const LOCAL_DEADLINE = 600_000;
const NETWORK_DEADLINE = 300_000;

/** What a command needs that runs as the gear: both `executeInGear` and a plain launch inside the gear fit it. */
export interface GearCommand {
  readonly file: string;
  readonly argv: readonly string[];
  /** On top of the gear's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly deadline?: number;
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void;
}
export type RunInGear = (command: GearCommand) => Promise<LaunchResult>;

const gitEnvironment: Readonly<Record<string, string>> = {
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '/bin/false',
  SSH_ASKPASS: '/bin/false',
  GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ConnectTimeout=20',
  GIT_ALLOW_PROTOCOL: allowedProtocols.join(':'),
};

export interface GitOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly deadline?: number;
}

export class Git {
  constructor(
    private readonly run: RunInGear,
    /** Absolute path of the bare repository. */
    readonly directory: string,
  ) {}

  /** Git's standard output; a failure is an error that ends with what git said. */
  async output(args: readonly string[], options: GitOptions = {}): Promise<string> {
    const result = await this.attempt(args, options);
    if (result.exitCode === 0) return result.stdout.toString('utf8');
    const said = result.timedOut ? 'it took too long' : lastLines(result.stderr.toString('utf8'));
    throw new OoError(`git ${args[0]} failed in ${this.directory}: ${said}`, { code: 'ERR_GIT' });
  }

  /** The same without judging how it ended. */
  attempt(args: readonly string[], options: GitOptions = {}): Promise<LaunchResult> {
    return this.#launch(args, { ...options, env: { GIT_DIR: this.directory, ...options.env } });
  }

  /** Fill the repository, still an empty directory, from a url. */
  clone(url: string): Promise<LaunchResult> {
    return this.#launch(['clone', '--bare', '--no-hardlinks', '--template=', '--', url, this.directory], {
      deadline: NETWORK_DEADLINE,
    });
  }

  #launch(args: readonly string[], options: GitOptions): Promise<LaunchResult> {
    return this.run({
      file: GIT,
      argv: ['git', ...args],
      env: { ...gitEnvironment, ...options.env },
      deadline: options.deadline ?? LOCAL_DEADLINE,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
  }

  /** The full id of what a word names, or undefined. */
  async resolve(name: string): Promise<string | undefined> {
    const result = await this.attempt([
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${name}^{commit}`,
    ]);
    const id = result.stdout.toString('utf8').trim();
    return result.exitCode === 0 && /^[0-9a-f]{40,64}$/.test(id) ? id : undefined;
  }

  /**
   * Lay the tree of a commit into an empty directory, its submodules too (they are kept in the repository for the next
   * time). `index` is a file to work with that nobody else uses.
   */
  async checkOut(commit: string, directory: string, index: string, from?: string): Promise<void> {
    const env = { GIT_WORK_TREE: directory, GIT_INDEX_FILE: index };
    const place = from === undefined ? [] : ['-C', from];
    await this.output([...place, 'read-tree', '--reset', '-u', commit], { env });
    const modules = await this.output(['ls-tree', '--name-only', '--full-tree', commit, '--', '.gitmodules']);
    if (modules === '') return;
    await this.output(['submodule', '--quiet', 'update', '--init', '--recursive', '--force'], {
      env,
      cwd: directory,
      deadline: NETWORK_DEADLINE,
    });
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join(' ').slice(0, 600) || 'it said nothing';
}
