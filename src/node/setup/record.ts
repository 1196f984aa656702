/**
 * What set-up changes on the machine, and how it was before: each path is written into a record before it is touched,
 * so that `--remove` can put back exactly what it found, also after a set-up that was interrupted.
 * Invariants: a path is recorded once, with its state before the first set-up; the same content is never written twice;
 * what was there before set-up and is an operator's is never overwritten without a copy.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../native/error.js';

/**
 * `file`: ours whole. `edit`: somebody else's, with a part of ours that `undoEdit` takes out again. `setting`: a file
 * of the kernel's below /proc/sys.
 */
export type Kind = 'directory' | 'file' | 'symlink' | 'edit' | 'setting';

export interface Before {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Name of the copy beside the record; only for files. */
  readonly copy?: string;
}

export interface Entry {
  readonly path: string;
  readonly kind: Kind;
  /** Undefined: it was not there. */
  readonly before?: Before | undefined;
  /** Digest of what set-up wrote last: a file that differs was changed by an operator. */
  digest?: string;
}

export const RECORD_FOLDER = '.setup';

export class SetupRecord {
  readonly #folder: string;
  readonly #entries: Map<string, Entry>;
  /** Paths that this run has made or changed. */
  readonly changed: string[] = [];

  private constructor(folder: string, entries: readonly Entry[]) {
    this.#folder = folder;
    this.#entries = new Map(entries.map((entry) => [entry.path, entry]));
  }

  /** The record of this node, empty on a machine that is none. */
  static open(gearBase: string): SetupRecord {
    const folder = join(gearBase, RECORD_FOLDER);
    try {
      return new SetupRecord(
        folder,
        JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8')) as Entry[],
      );
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      return new SetupRecord(folder, []);
    }
  }

  get folder(): string {
    return this.#folder;
  }

  get entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  directory(path: string, mode: number): void {
    const before = look(path);
    this.#remember(path, 'directory', before);
    if (before === undefined) {
      mkdirSync(path, { mode });
      this.changed.push(path);
    }
    // mkdir is subject to the umask.
    if (before === undefined || (before.mode & 0o7777) !== mode) chmodSync(path, mode);
  }

  /** Writes a file of ours. `keep`: one that is there already is the operator's and stays as it is. */
  file(path: string, content: string | Buffer, mode: number, keep = false): void {
    const bytes = Buffer.from(content);
    const before = look(path);
    if (keep && before !== undefined) return;
    const same =
      before?.isFile() === true && readFileSync(path).equals(bytes) && (before.mode & 0o7777) === mode;
    if (same && (this.#entries.has(path) || before.uid !== 0)) return;
    const entry = this.#remember(path, 'file', before);
    entry.digest = digestOf(bytes);
    this.save();
    if (same) return;
    replace(path, bytes, mode, 0, 0);
    this.changed.push(path);
  }

  /** A part of ours in somebody else's file; the rest, its mode and its owner stay. */
  edit(path: string, change: (text: string) => string): void {
    const before = look(path);
    if (before === undefined) return;
    const text = readFileSync(path, 'utf8');
    const next = change(text);
    if (next === text) return;
    this.#remember(path, 'edit', before);
    replace(path, Buffer.from(next), before.mode & 0o7777, before.uid, before.gid);
    this.changed.push(path);
  }

  /** A value of the running kernel, which is written in place. */
  setting(path: string, value: string): void {
    const before = look(path);
    if (before === undefined || readFileSync(path, 'utf8') === value) return;
    this.#remember(path, 'setting', before).digest = digestOf(Buffer.from(value));
    this.save();
    writeFileSync(path, value);
    this.changed.push(path);
  }

  symlink(target: string, path: string): void {
    const before = look(path);
    if (before?.isSymbolicLink() === true && readlinkSync(path) === target) return;
    if (before !== undefined) return;
    this.#remember(path, 'symlink', undefined);
    symlinkSync(target, path);
    this.changed.push(path);
  }

  save(): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    replace(join(this.#folder, 'record.json'), Buffer.from(JSON.stringify(this.entries)), 0o600, 0, 0);
  }

  #remember(path: string, kind: Kind, before: Stats | undefined): Entry {
    const known = this.#entries.get(path);
    if (known !== undefined) return known;
    let copy: string | undefined;
    if (before?.isFile() === true) {
      copy = createHash('sha256').update(path).digest('hex').slice(0, 16);
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileSync(join(this.#folder, copy), readFileSync(path), { mode: 0o600 });
    }
    const was =
      before === undefined
        ? undefined
        : {
            mode: before.mode & 0o7777,
            uid: before.uid,
            gid: before.gid,
            ...(copy === undefined ? {} : { copy }),
          };
    const entry: Entry = { path, kind, before: was };
    this.#entries.set(path, entry);
    // The record's own parent is recorded before it exists; it is saved with the next path.
    if (existsSync(dirname(this.#folder))) this.save();
    return entry;
  }
}

export function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

export function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Where a file is written before it takes its place. */
export function freshName(path: string): string {
  return `${path}.oo-setup`;
}

/** Replaces a file whole. */
export function replace(path: string, bytes: Buffer, mode: number, uid: number, gid: number): void {
  const fresh = freshName(path);
  writeFileSync(fresh, bytes, { mode: 0o600 });
  chownSync(fresh, uid, gid);
  chmodSync(fresh, mode);
  renameSync(fresh, path);
}
