/**
 * What a caller may ask of a launch, checked once here at the border, and packed as the addon reads it: all texts as
 * one NUL-ended string, all numbers as one array (native/launch_binding.cc has the same order).
 * Invariant: nothing a caller passes can shift a part: a NUL inside one is refused by the addon, which counts them.
 */
import { packConfinement, type Confinement } from './confinement.js';

export interface LaunchOptions {
  /** Absolute path of the program. */
  readonly file: string;
  /** argv[0] included. */
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly cwd: string;
  /** Absent: own identity and groups are kept (a program that already runs inside the gear). */
  readonly confinement?: Confinement | undefined;
  /** Default none: /dev/null. */
  readonly input?: 'none' | 'pipe' | Uint8Array | undefined;
  readonly stderr?: 'separate' | 'merge' | undefined;
  /** Milliseconds from the call on, the wait for a start included. Default one hour. */
  readonly deadline?: number | undefined;
  /** Bytes kept of each stream, default 1 MiB; the rest is cut and `truncated` says so. */
  readonly maxOutput?: number | undefined;
  /** Gets all output, also what is not kept. A slow receiver slows the program, not the node's memory. */
  readonly onOutput?: ((stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Services may outlive the launch: its group is not killed on a normal end; on deadline and abort it is. */
  readonly keep?: boolean | undefined;
  /** Milliseconds to go on reading after the direct child has ended (keep, or no group), default 200. */
  readonly drain?: number | undefined;
}

const DEFAULT_OUTPUT = 1 << 20;
const DEFAULT_DRAIN = 200;
const NO_INPUT = 0;
const PIPE = 1;
const BYTES = 2;

export interface PackedLaunch {
  readonly text: string;
  readonly numbers: Float64Array;
  readonly bytes: Uint8Array | undefined;
}

export function packLaunch(options: LaunchOptions, tellStarted: boolean): PackedLaunch {
  const { file, argv, env, cwd, confinement, input = 'none' } = options;
  if (!file.startsWith('/')) refuse(file, 'its path must be absolute');
  if (!cwd.startsWith('/')) refuse(file, `its directory "${cwd}" must be absolute`);
  if (argv.length === 0) refuse(file, 'its argument vector is empty');
  if (input === 'pipe' && !tellStarted) refuse(file, 'run() has no input pipe; use launch()');
  amount(file, 'deadline', options.deadline ?? 0);
  const bytes = typeof input === 'string' ? undefined : input;
  const texts = [file, cwd, ...argv];
  for (const name in env) {
    if (name === '' || name.includes('=')) refuse(file, `"${name}" cannot name an environment variable`);
    texts.push(`${name}=${env[name]}`);
  }
  const numbers = [
    bytes !== undefined ? BYTES : input === 'pipe' ? PIPE : NO_INPUT,
    Number(options.stderr === 'merge'),
    Number(options.keep === true),
    Number(tellStarted),
    Number(options.onOutput !== undefined),
    amount(file, 'maxOutput', options.maxOutput ?? DEFAULT_OUTPUT),
    amount(file, 'drain', options.drain ?? DEFAULT_DRAIN),
    argv.length,
    texts.length - argv.length - 2,
    Number(confinement !== undefined),
  ];
  if (confinement !== undefined) packConfinement(confinement, texts, numbers);
  texts.push(''); // each part ends with NUL, the last one too
  return { text: texts.join('\0'), numbers: Float64Array.from(numbers), bytes };
}

function amount(file: string, name: string, value: number): number {
  if (!(value >= 0)) refuse(file, `${name} cannot be ${value}`);
  return Math.min(Math.trunc(value), 0x7fffffff);
}

function refuse(file: string, why: string): never {
  throw new TypeError(`"${file}" was not started: ${why}.`);
}
