/**
 * A cartridge's locked files: the gear's own while its `setup`, `install` and `teardown` run, root's at all other
 * times. Invariant: only plain files with one name and directories change owner; the home itself never does.
 */
import { errnoOf } from '../native/error.js';
import type { Directory } from '../native/beneath.js';
import type { Gear } from '../gear/gear.js';
import { expand } from './managed-files.js';

const absent = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV']);

function give(home: Directory, path: string, owner: { uid: number; gid: number }): void {
  try {
    const info = home.stat(path);
    if (info.type === 'directory' || (info.type === 'file' && info.nlink === 1)) home.chown(path, owner);
  } catch (error) {
    if (!absent.has(errnoOf(error) ?? '')) throw error;
  }
}

/** Locked entries (not patterns) that are not there and would be made by `unlock`. */
export function missingLocked(home: Directory, locked: readonly string[]): readonly string[] {
  const there = (path: string): boolean => {
    try {
      return home.exists(path);
    } catch (error) {
      if (absent.has(errnoOf(error) ?? '')) return true;
      throw error;
    }
  };
  return locked.filter((entry) => !entry.includes('*') && !there(entry.replace(/\/$/, '')));
}

/** Makes what is missing and gives all locked entries to the gear. */
export function unlock(home: Directory, gear: Gear, locked: readonly string[]): void {
  const owner = { uid: gear.uid, gid: gear.gid };
  for (const entry of missingLocked(home, locked)) {
    try {
      if (entry.endsWith('/')) home.makeDirectory(entry.slice(0, -1), { mode: 0o755, owner });
      else home.write(entry, '', { mode: 0o644, owner });
    } catch (error) {
      if (!absent.has(errnoOf(error) ?? '')) throw error;
    }
  }
  for (const entry of locked)
    for (const path of expand(home, entry)) give(home, path.replace(/\/$/, ''), owner);
}

/** Gives all locked entries to root; the gear goes on reading them. */
export function lock(home: Directory, gear: Gear, locked: readonly string[]): void {
  for (const entry of locked)
    for (const path of expand(home, entry)) give(home, path.replace(/\/$/, ''), { uid: 0, gid: gear.gid });
}
