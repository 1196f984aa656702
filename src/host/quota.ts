/**
 * How much of a file system one user may fill. Invariant: a host without quota is told apart from one that limits;
 * the caller decides whether it may go on.
 */
import { OoError } from '../native/error.js';
import { getQuota, setQuota } from '../native/quota.js';
import type { Quota } from '../native/quota.js';

export type { Quota, QuotaFigures } from '../native/quota.js';

export interface DiskLimits {
  /** Of 1024 bytes; 0 is no limit. */
  readonly blocks: number;
  readonly inodes: number;
}

export function readQuota(path: string, uid: number): Quota | undefined {
  return getQuota(path, uid);
}

/** false when the file system that holds `path` has no quota. */
export function limitDisk(path: string, uid: number, limits: DiskLimits): boolean {
  for (const [what, value] of Object.entries(limits) as [string, number][]) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new OoError(`The quota of uid ${uid} was not set: ${value} is no number of ${what}.`, {
        code: 'ERR_QUOTA_INVALID',
      });
    }
  }
  // Quota never applies to root, and a limit for it would read as if it did.
  if (uid === 0)
    throw new OoError('Root cannot be limited; no quota was set.', { code: 'ERR_QUOTA_INVALID' });
  return setQuota(path, uid, limits);
}

/** No limit any more, as for a uid that is given back. */
export function freeDisk(path: string, uid: number): boolean {
  return limitDisk(path, uid, { blocks: 0, inodes: 0 });
}
