/**
 * One operation at a time on one gear, any number on different gears. A gear's lock is one byte of one lock
 * file of the node, at an offset counted from the uuid: nothing is created or removed for a gear, so nobody
 * can hold a lock on a file that is gone. Invariant: callers in this process get it in the order in which
 * they came; between processes the kernel decides, and a lock goes with its process. A call from within the
 * lock's own work runs at once.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { withLock } from '../host/lock.js';
import { OoError } from '../native/error.js';
import { LockFile } from '../native/lock.js';
import type { Node } from '../node/node.js';

const files = new Map<string, LockFile>();
const held = new AsyncLocalStorage<ReadonlySet<string>>();

function lockFile(path: string): LockFile {
  let file = files.get(path);
  if (file === undefined) files.set(path, (file = LockFile.open(path)));
  return file;
}

/** 62 bits of a hash: two gears on one byte would only wait for each other. */
export function lockOffset(uuid: string): bigint {
  return createHash('sha256').update(uuid).digest().readBigUInt64BE(0) >> 2n;
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
  const timeout = options.wait ?? node.config.gearLockTimeout;
  const inside = (): Promise<T> | T => held.run(new Set([...mine, key]), work);
  const busy = (): OoError =>
    new OoError(
      `Another operation on gear ${uuid} has held its lock for ${Math.round(timeout / 1000)} s. Nothing was done; try again later.`,
      { code: 'ERR_GEAR_BUSY', gear: uuid },
    );
  return withLock(lockFile(node.paths.gearLocks), lockOffset(uuid), inside, { timeout, busy });
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
