/**
 * Waiting for one lock of a lock file. Invariants: the event loop is never blocked, the wait is bounded, and within
 * this process the callers of one lock get it in the order in which they came (the kernel's lock knows only the file).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OoError } from '../native/error.js';
import type { LockFile } from '../native/lock.js';

export interface LockOptions {
  /** Milliseconds to wait in all, default 60,000. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called once when somebody else has it. */
  readonly onWait?: (() => void) | undefined;
  /** What is thrown when it was not had in time; default `ERR_LOCK_TIMEOUT`. */
  readonly busy?: (() => OoError) | undefined;
}

const DEFAULT_TIMEOUT = 60_000;
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 50;

/** The last of those who wait, by file and offset. */
const queues = new WeakMap<LockFile, Map<bigint, Promise<unknown>>>();

/** Runs `action` while the lock at `offset` is held by it alone. */
export async function withLock<T>(
  file: LockFile,
  offset: bigint,
  action: () => Promise<T> | T,
  options: LockOptions = {},
): Promise<T> {
  const deadline = performance.now() + (options.timeout ?? DEFAULT_TIMEOUT);
  const queue = queues.get(file) ?? new Map<bigint, Promise<unknown>>();
  queues.set(file, queue);
  const before = queue.get(offset);
  let done = (): void => undefined;
  const mine = Promise.all([before, new Promise<void>((resolve) => (done = resolve))]);
  queue.set(offset, mine);
  try {
    if (before !== undefined || !file.tryLock(offset)) {
      options.onWait?.();
      if (before !== undefined) await inTime(before, deadline, file, options);
      await acquire(file, offset, deadline, options);
    }
    try {
      return await action();
    } finally {
      file.unlock(offset);
    }
  } finally {
    done();
    if (queue.get(offset) === mine) queue.delete(offset);
  }
}

async function acquire(
  file: LockFile,
  offset: bigint,
  deadline: number,
  { signal, busy }: LockOptions,
): Promise<void> {
  for (let pause = FIRST_PAUSE; !file.tryLock(offset); pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    const left = deadline - performance.now();
    if (left <= 0) throw busy?.() ?? notHad(file);
    await sleep(Math.min(pause, left), undefined, signal === undefined ? {} : { signal });
  }
}

async function inTime(
  before: Promise<unknown>,
  deadline: number,
  file: LockFile,
  { signal, busy }: LockOptions,
): Promise<void> {
  const stop = new AbortController();
  const both = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  const left = Math.max(0, deadline - performance.now());
  const late = sleep(left, 'late', { signal: both });
  late.catch(() => undefined);
  try {
    if ((await Promise.race([before, late])) === 'late') throw busy?.() ?? notHad(file);
  } finally {
    stop.abort();
  }
}

function notHad(file: LockFile): OoError {
  return new OoError(
    `The lock ${file.path} is held by somebody else and was not had in time; nothing was done. Try again.`,
    {
      code: 'ERR_LOCK_TIMEOUT',
    },
  );
}
