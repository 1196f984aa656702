/**
 * One operation at a time on one gear, any number on different gears. A gear's lock is one byte of one lock file of the
 * node, at an offset counted from the uuid: nothing is created or removed for a gear, so nobody can hold a lock on a
 * file that is gone. Invariant: within this process callers queue in order; between processes the kernel's open file
 * description lock decides, and it goes with the process. A call from within the lock's own work runs at once.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OoError } from '../native/error.js';
import { LockFile } from '../native/lock.js';
import type { Node } from '../node/node.js';

const files = new Map<string, LockFile>();
const queues = new Map<string, Promise<void>>();
const held = new AsyncLocalStorage<ReadonlySet<string>>();

const FIRST_WAIT = 1;
const LONGEST_WAIT = 50;

function lockFile(path: string): LockFile {
  let file = files.get(path);
  if (file === undefined) files.set(path, (file = LockFile.open(path)));
  return file;
}

/** 62 bits of a hash: two gears on one byte would only wait for each other. */
export function lockOffset(uuid: string): bigint {
  return createHash('sha256').update(uuid).digest().readBigUInt64BE(0) >> 2n;
}

function busy(uuid: string, waited: number): OoError {
  return new OoError(
    `Another operation on gear ${uuid} has held its lock for ${Math.round(waited / 1000)} s. Nothing was done; try again later.`,
    { code: 'ERR_GEAR_BUSY', gear: uuid },
  );
}

/** Runs `work` holding the gear's lock; waits for it as long as node.conf says, or `wait` milliseconds. */
export async function withGearLock<T>(
  node: Node,
  uuid: string,
  work: () => Promise<T> | T,
  options: { readonly wait?: number } = {},
): Promise<T> {
  const key = `${node.paths.gearLocks} ${uuid}`;
  const mine = held.getStore() ?? new Set<string>();
  if (mine.has(key)) return work();
  const deadline = performance.now() + (options.wait ?? node.config.gearLockTimeout);
  const previous = queues.get(key);
  let release = (): void => {};
  const turn = new Promise<void>((resolve) => (release = resolve));
  const tail = (previous ?? Promise.resolve()).then(() => turn);
  queues.set(key, tail);
  try {
    if (previous !== undefined)
      await within(previous, deadline, () => busy(uuid, node.config.gearLockTimeout));
    const file = lockFile(node.paths.gearLocks);
    const offset = lockOffset(uuid);
    for (let wait = FIRST_WAIT; !file.tryLock(offset); wait = Math.min(wait * 2, LONGEST_WAIT)) {
      if (performance.now() >= deadline) throw busy(uuid, options.wait ?? node.config.gearLockTimeout);
      await sleep(wait);
    }
    try {
      return await held.run(new Set([...mine, key]), work);
    } finally {
      file.unlock(offset);
    }
  } finally {
    release();
    if (queues.get(key) === tail) queues.delete(key);
  }
}

/** The same without waiting: undefined when somebody else holds the lock. */
export async function tryGearLock<T>(
  node: Node,
  uuid: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await withGearLock(node, uuid, work, { wait: 0 });
  } catch (error) {
    if (error instanceof OoError && error.code === 'ERR_GEAR_BUSY' && error.gear === uuid) return undefined;
    throw error;
  }
}

async function within(promise: Promise<void>, deadline: number, error: () => Error): Promise<void> {
  const abort = new AbortController();
  const late = Symbol('late');
  const timer = sleep(Math.max(0, deadline - performance.now()), late, { signal: abort.signal }).catch(
    () => late,
  );
  const first = await Promise.race([promise, timer]);
  abort.abort();
  if (first === late) throw error();
}
