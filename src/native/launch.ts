/**
 * Starts programs as gears (or, without a confinement, as ourselves): an argument vector, an environment built from
 * nothing, a directory, three descriptors and a deadline; never a command string.
 * Invariants: the event loop is never held up; every launch ends with one result or one NativeError that names the
 * step; at its end nothing of it is left running, unless `keep` lets services stay.
 */
import { constants } from 'node:os';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { effect } from './effect.js';
import { packLaunch, type LaunchOptions } from './launch-request.js';
import { addon, nativeError } from './load.js';

export type { CgroupPlacement, Confinement, MountBinding, Rlimit, RlimitName } from './confinement.js';
export type { LaunchOptions } from './launch-request.js';
export type { LandlockRules } from './landlock.js';

export interface LaunchResult {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly truncated: boolean;
  readonly timedOut: boolean;
  readonly aborted: boolean;
  readonly milliseconds: number;
}

export interface Launched {
  readonly pid: number;
  readonly stdin: Writable | undefined;
  readonly result: Promise<LaunchResult>;
  /** Ends it with all its processes; the result says `aborted`. */
  kill(): void;
}

type Listener = (kind: number, id: number, ...rest: never[]) => void;
interface LaunchAddon {
  launchListen(listener: Listener): void;
  launchStart(text: string, numbers: Float64Array, bytes: Uint8Array | undefined): number;
  launchKill(id: number, reason: number): void;
  launchInput(id: number): number;
}

const STARTED = 0;
const OUTPUT = 1;
const DEADLINE = 1;
const ABORT = 2;
const LONGEST_TIMER = 0x7fffffff;
const DEFAULT_DEADLINE = 3_600_000;

interface Running {
  readonly options: LaunchOptions;
  started: ((launched: { pid: number; input: number }) => void) | undefined;
  readonly ended: (result: LaunchResult) => void;
  readonly failed: (error: unknown) => void;
  timer: NodeJS.Timeout | undefined;
  onAbort: (() => void) | undefined;
}

const running = new Map<number, Running>();
let native: LaunchAddon | undefined;

const signalNames = new Map<number, string>(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
);
// Names that share a number: the usual one.
signalNames.set(constants.signals.SIGABRT, 'SIGABRT').set(constants.signals.SIGIO, 'SIGIO');

/** Resolves when the program runs; rejects when it could not be started. */
export function launch(options: LaunchOptions): Promise<Launched> {
  return new Promise<Launched>((resolve, reject) => {
    let fail: (error: unknown) => void = reject;
    let ended: (result: LaunchResult) => void = () => {};
    let failed = fail;
    let stdin: Writable | undefined;
    const result = new Promise<LaunchResult>((settle, refuse) => {
      ended = settle;
      failed = refuse;
    });
    // What throws here was not started: it rejects the launch, and nobody waits for its result.
    const id = begin(
      options,
      (outcome) => {
        stdin?.destroy(); // a caller that has not ended it would keep its descriptor for ever
        ended(outcome);
      },
      (error) => fail(error),
      ({ pid, input }) => {
        fail = failed;
        if (input >= 0) stdin = writable(input);
        resolve({
          pid,
          stdin,
          result,
          kill: () => native?.launchKill(id, ABORT),
        });
      },
    );
  });
}

/** Starts the program and waits for its end. */
export function run(options: LaunchOptions): Promise<LaunchResult> {
  return new Promise<LaunchResult>((ended, failed) => {
    begin(options, ended, failed, undefined);
  });
}

function begin(
  options: LaunchOptions,
  ended: Running['ended'],
  failed: Running['failed'],
  started: Running['started'],
): number {
  native ??= connect();
  effect('launch', options.file);
  let id: number;
  try {
    const { text, numbers, bytes } = packLaunch(options, started !== undefined);
    id = native.launchStart(text, numbers, bytes);
  } catch (error) {
    throw nativeError(error, `${options.file} was not started`);
  }
  const entry: Running = { options, started, ended, failed, timer: undefined, onAbort: undefined };
  running.set(id, entry);
  const deadline = options.deadline ?? DEFAULT_DEADLINE;
  if (deadline < LONGEST_TIMER) entry.timer = setTimeout(() => native?.launchKill(id, DEADLINE), deadline);
  if (options.signal !== undefined) {
    entry.onAbort = () => native?.launchKill(id, ABORT);
    if (options.signal.aborted) entry.onAbort();
    else options.signal.addEventListener('abort', entry.onAbort, { once: true });
  }
  return id;
}

function connect(): LaunchAddon {
  const found = addon<LaunchAddon>();
  found.launchListen((kind, id, ...rest) => {
    const entry = running.get(id);
    if (entry === undefined) return;
    if (kind === STARTED) {
      const [pid] = rest as unknown as [number];
      entry.started?.({ pid, input: found.launchInput(id) });
    } else if (kind === OUTPUT) {
      const [stream, chunk] = rest as unknown as [number, Buffer];
      entry.options.onOutput?.(stream === 0 ? 'stdout' : 'stderr', chunk);
    } else {
      running.delete(id);
      finish(entry, rest as unknown as EndedArguments);
    }
  });
  return found;
}

type EndedArguments = [number, number, Buffer, Buffer, boolean, number, number, Error?];

function finish(entry: Running, ended: EndedArguments): void {
  clearTimeout(entry.timer);
  if (entry.onAbort !== undefined) entry.options.signal?.removeEventListener('abort', entry.onAbort);
  const [exitCode, signal, stdout, stderr, truncated, reason, milliseconds, error] = ended;
  if (error !== undefined) {
    entry.failed(nativeError(explained(error), `${entry.options.file} was not started`));
    return;
  }
  const result: LaunchResult = {
    exitCode: signal === 0 && exitCode >= 0 ? exitCode : undefined,
    signal: signal === 0 ? undefined : (signalNames.get(signal) ?? `SIG${signal}`),
    stdout,
    stderr,
    truncated,
    timedOut: reason === DEADLINE,
    aborted: reason === ABORT,
    milliseconds,
  };
  // Ended before it began (in the queue): `launch` has nothing running to give, but a result. Else this changes nothing.
  entry.started?.({ pid: 0, input: -1 });
  entry.ended(result);
}

/** Where the errno alone would leave an administrator guessing. */
function explained(error: Error): Error {
  const { step, code } = error as Error & { step?: string; code?: string };
  if (step === 'identity' && code === 'ENOTSUP') {
    error.message =
      'identity: fs.suid_dumpable is 1, so a gear could trace what is being started for it; set it to 0 or 2';
  } else if (step === 'label' && code === 'EINVAL') {
    error.message = 'label: this kernel takes no SELinux label, or not this one';
  }
  return error;
}

function writable(descriptor: number): Writable {
  const stream = new Socket({ fd: descriptor, readable: false, writable: true });
  stream.on('error', () => undefined); // the program does not want to read on; its own result says how it went
  return stream;
}
