/**
 * Undoes a set-up from its record, last change first. Files that an operator changed after they were made, and files
 * of an operator in folders of ours, are kept below `/var/lib/openshift-kept`. Invariant: afterwards /etc is, to the
 * byte and the mode, what it was before the first set-up, apart from what others changed there meanwhile.
 */
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../native/error.js';
import { removePamBlock } from '../../host/pam.js';
import { removeInclude } from '../../host/sshd.js';
import { digestOf, freshName, look, replace, type Entry, type SetupRecord } from './record.js';

export const KEPT = '/var/lib/openshift-kept';

/** Folders whose unknown content is the node's own and goes with them. */
export interface RemoveOptions {
  readonly disposable: readonly string[];
}

/** Removes everything of the record; gives what was kept for the operator. */
export function removeSetup(record: SetupRecord, options: RemoveOptions): readonly string[] {
  const kept: string[] = [];
  for (const entry of [...record.entries].reverse()) undo(record, entry, options, kept);
  rmSync(record.folder, { recursive: true, force: true });
  // Killed before its first word, the record does not say whose its folder is.
  if (record.entries.length === 0) removeIfEmpty(dirname(record.folder));
  for (const entry of [...record.entries].reverse()) {
    // The folder that held the record could not go while it did.
    if (entry.kind === 'directory' && entry.before === undefined) removeIfEmpty(entry.path);
  }
  return kept;
}

function undo(record: SetupRecord, entry: Entry, { disposable }: RemoveOptions, kept: string[]): void {
  if (entry.kind === 'setting') return undoSetting(record, entry);
  // What a set-up was writing when it was killed.
  rmSync(freshName(entry.path), { force: true });
  const now = look(entry.path);
  if (now === undefined) return restore(record, entry);
  if (entry.kind === 'symlink') {
    if (now.isSymbolicLink()) unlinkSync(entry.path);
  } else if (entry.kind === 'edit') {
    const text = readFileSync(entry.path, 'utf8');
    const without = removeInclude(removePamBlock(text));
    if (without !== text) replace(entry.path, Buffer.from(without), now.mode & 0o7777, now.uid, now.gid);
  } else if (entry.kind === 'file') {
    if (now.isFile() && entry.digest !== digestOf(readFileSync(entry.path))) keep(entry.path, kept);
    if (entry.before === undefined) unlinkSync(entry.path);
    else restore(record, entry);
  } else if (entry.before !== undefined) {
    chmodSync(entry.path, entry.before.mode);
    chownSync(entry.path, entry.before.uid, entry.before.gid);
  } else {
    if (disposable.includes(entry.path)) emptyExcept(entry.path, record.folder);
    else
      for (const name of readdirSync(entry.path)) keepAndRemove(join(entry.path, name), record.folder, kept);
    removeIfEmpty(entry.path);
  }
}

/** The kernel's value goes back, unless somebody has set another one since. */
function undoSetting(record: SetupRecord, { path, before, digest }: Entry): void {
  if (before?.copy === undefined || look(path) === undefined) return;
  if (digestOf(readFileSync(path)) === digest) {
    writeFileSync(path, readFileSync(join(record.folder, before.copy)));
  }
}

function restore(record: SetupRecord, { path, kind, before }: Entry): void {
  if (before?.copy === undefined || kind === 'edit') return;
  replace(path, readFileSync(join(record.folder, before.copy)), before.mode, before.uid, before.gid);
}

function keep(path: string, kept: string[]): void {
  const target = join(KEPT, path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  cpSync(path, target, { recursive: true, preserveTimestamps: true });
  kept.push(target);
}

function keepAndRemove(path: string, record: string, kept: string[]): void {
  if (path === record) return;
  keep(path, kept);
  rmSync(path, { recursive: true, force: true });
}

function emptyExcept(path: string, record: string): void {
  for (const name of readdirSync(path)) {
    if (join(path, name) !== record) rmSync(join(path, name), { recursive: true, force: true });
  }
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'EEXIST')
      throw error;
  }
}
