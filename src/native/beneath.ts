/**
 * Every touch of a file below a directory that a tenant may write to. Invariants (held by the addon): no symbolic
 * link, magic link or `..` is followed, nothing but a regular file is opened for reading, a write is atomic and
 * durable, and root's own files are never handed over because a tenant gave them a second name.
 */
import { effect } from './effect.js';
import { beneathError } from './beneath-error.js';
import { native } from './beneath-addon.js';
import type { EntryInfo, Handle, ListEntry } from './beneath-addon.js';
import { errnoOf } from './error.js';
import { checkAbsolutePath, checkRelativePath } from './path.js';

export type { EntryInfo, EntryType, ListEntry } from './beneath-addon.js';

export interface Ownership {
  readonly uid: number;
  readonly gid: number;
}

export interface WriteOptions {
  readonly mode: number;
  /** Absent: the process's own. */
  readonly owner?: Ownership | undefined;
  readonly label?: string | undefined;
  /** false leaves the time to the kernel; settle() makes many such files durable at once. Default true. */
  readonly durable?: boolean | undefined;
}

export interface MakeDirectoryOptions {
  readonly mode: number;
  readonly owner?: Ownership | undefined;
  readonly label?: string | undefined;
  /** true: a directory that is there already is fine and gets mode and owner. */
  readonly existing?: boolean | undefined;
}

export interface CopyTreeOptions {
  /** All entries are given to this owner. */
  readonly owner?: Ownership | undefined;
  /** Paths relative to the tree that are left out, with all below them. */
  readonly exclude?: readonly string[] | undefined;
  /** Entries keep the owner they have in the source. */
  readonly keepOwner?: boolean | undefined;
}

const READ_LIMIT = 1024 * 1024;
const LIST_LIMIT = 100_000;

export interface FolderContent {
  readonly files: ReadonlyMap<string, string>;
  readonly folders: readonly string[];
}

const NO_FOLDER: FolderContent = { files: new Map(), folders: [] };
const MOST_FOLDERS = 4096;
/** Characters of one folder: tenants must not fill the node's memory. */
const MOST_REMEMBERED = 64 * 1024;
/** What was last read at each path; the addon says whether it still holds. */
const folders = new Map<string, { readonly generation: number; readonly content: FolderContent }>();

/** An open directory. Close it (or declare it with `using`); what is collected without is closed late. */
export class Directory implements Disposable {
  readonly #handle: Handle;
  /** Where it was opened: for messages only, never resolved again. */
  readonly path: string;

  private constructor(handle: Handle, path: string) {
    this.#handle = handle;
    this.path = path;
  }

  /** A trusted absolute path: nobody but root (or this process's user) may be able to replace any part of it. */
  static open(path: string): Directory {
    checkAbsolutePath(path);
    return new Directory(
      guarded('cannot be opened', path, () => native().open(path)),
      path,
    );
  }

  directory(path: string): Directory {
    checkRelativePath(path, true);
    const handle = this.#do('cannot be opened', path, () => native().openBelow(this.#handle, path));
    return new Directory(handle, this.#full(path));
  }

  close(): void {
    native().close(this.#handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A regular file's content; EFBIG above `limit` bytes (default 1 MiB). */
  read(path: string, limit = READ_LIMIT): Buffer {
    checkRelativePath(path);
    return this.#do('cannot be read', path, () => native().read(this.#handle, path, limit));
  }

  /**
   * What is directly in a directory: plain files whose names are those of variables (letters, digits, `_`) and whose
   * content is at most `limit` bytes, and the names of directories; at most `most` of each. Everything else there is
   * passed over, and no directory is empty. The very same object as before as long as nothing has changed.
   */
  readFolder(path: string, most: number, limit: number): FolderContent {
    checkRelativePath(path, true);
    const full = this.#full(path);
    const known = folders.get(full);
    const found = this.#do('cannot be read', path, () =>
      native().readFolder(this.#handle, path, most, limit, known?.generation ?? 0),
    );
    if (found === undefined) return known?.content ?? NO_FOLDER;
    const [generation, texts, names] = found;
    if (generation === 0) return NO_FOLDER;
    const files = new Map<string, string>();
    for (let at = 0; at + 1 < texts.length; at += 2) files.set(texts[at] ?? '', texts[at + 1] ?? '');
    const content = { files, folders: names.sort() };
    let size = 0;
    for (const text of texts) size += text.length;
    if (folders.size >= MOST_FOLDERS) folders.clear();
    if (size <= MOST_REMEMBERED) folders.set(full, { generation, content });
    else folders.delete(full);
    return content;
  }

  readText(path: string, limit?: number): string {
    return this.read(path, limit).toString('utf8');
  }

  /** undefined when there is no such entry (or no such directory on the way). */
  tryReadText(path: string, limit?: number): string | undefined {
    return absent(() => this.readText(path, limit));
  }

  /** Atomic: the new content is complete and on disk before it has the name. */
  write(path: string, data: string | Uint8Array, options: WriteOptions): void {
    checkRelativePath(path);
    const { mode, owner, label, durable } = options;
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
      throw new TypeError(`The content of ${path} must be a text or bytes; nothing was written.`);
    }
    const bytes =
      typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.length);
    this.#change('write', 'cannot be written', path, () =>
      native().write(this.#handle, path, bytes, mode, owner?.uid, owner?.gid, label, durable ?? true),
    );
  }

  makeDirectory(path: string, options: MakeDirectoryOptions): void {
    checkRelativePath(path);
    const { mode, owner, label, existing } = options;
    this.#change('mkdir', 'cannot be made', path, () =>
      native().makeDirectory(this.#handle, path, mode, owner?.uid, owner?.gid, label, existing ?? false),
    );
  }

  unlink(path: string, options: { readonly missing?: boolean } = {}): void {
    checkRelativePath(path);
    const unlink = (): void =>
      this.#change('unlink', 'cannot be removed', path, () => native().unlink(this.#handle, path));
    if (options.missing === true) absent(unlink);
    else unlink();
  }

  removeDirectory(path: string): void {
    checkRelativePath(path);
    this.#change('rmdir', 'cannot be removed', path, () => native().removeDirectory(this.#handle, path));
  }

  /** Replaces what `to` names, as rename(2) does. */
  rename(from: string, to: string): void {
    checkRelativePath(from);
    checkRelativePath(to);
    const what = `cannot be renamed to ${to}`;
    this.#change('rename', what, from, () => native().rename(this.#handle, from, to), `${from} ${to}`);
  }

  symlink(target: string, path: string, owner?: Ownership): void {
    checkRelativePath(path);
    this.#change('symlink', 'cannot be made', path, () =>
      native().symlink(this.#handle, path, target, owner?.uid, owner?.gid),
    );
  }

  readlink(path: string): string {
    checkRelativePath(path);
    return this.#do('cannot be read as a link', path, () => native().readlink(this.#handle, path));
  }

  /** The entry itself, `.` for this directory; never the target of a link. */
  chown(path: string, owner: Ownership): void {
    checkRelativePath(path, true);
    this.#change('chown', 'cannot be given away', path, () =>
      native().chown(this.#handle, path, owner.uid, owner.gid),
    );
  }

  /** ELOOP for a symbolic link: it has no mode of its own. */
  chmod(path: string, mode: number): void {
    checkRelativePath(path, true);
    this.#change('chmod', 'cannot get its mode', path, () => native().chmod(this.#handle, path, mode));
  }

  label(path: string, label: string): void {
    checkRelativePath(path, true);
    this.#change('label', 'cannot be labelled', path, () => native().setLabel(this.#handle, path, label));
  }

  /** The SELinux label of the entry itself; undefined when it has none. */
  readLabel(path: string): string | undefined {
    checkRelativePath(path, true);
    const label = this.#do('cannot be asked for its label', path, () =>
      native().getLabel(this.#handle, path),
    );
    return label === '' ? undefined : label;
  }

  /** As lstat. */
  stat(path: string): EntryInfo {
    checkRelativePath(path, true);
    return this.#do('cannot be looked at', path, () => native().stat(this.#handle, path));
  }

  /** As lstat: a link whose target is missing exists. */
  exists(path: string): boolean {
    return absent(() => this.stat(path)) !== undefined;
  }

  /** The entries of a directory, in no order; EOVERFLOW above 100,000 of them. */
  list(path = '.'): readonly ListEntry[] {
    checkRelativePath(path, true);
    return this.#do('cannot be listed', path, () => native().list(this.#handle, path, LIST_LIMIT));
  }

  /** Removes whatever has this name, off the event loop; absent is fine; a mount point stops it (EXDEV or EBUSY). */
  async removeTree(path: string): Promise<void> {
    checkRelativePath(path);
    await this.#job('removeTree', 'cannot be removed', path, () => native().removeTree(this.#handle, path));
  }

  /** Fills `path` (which may be there) from a tree; sockets, FIFOs and devices are left out. */
  async copyTree(
    source: Directory,
    sourcePath: string,
    path: string,
    options: CopyTreeOptions,
  ): Promise<void> {
    checkRelativePath(sourcePath, true);
    checkRelativePath(path, true);
    const { owner, exclude, keepOwner } = options;
    const what = `cannot be filled from ${source.#full(sourcePath)}`;
    await this.#job('copyTree', what, path, () =>
      native().copyTree(
        source.#handle,
        sourcePath,
        this.#handle,
        path,
        owner?.uid,
        owner?.gid,
        keepOwner ?? false,
        exclude ?? [],
      ),
    );
  }

  async chownTree(path: string, owner: Ownership): Promise<void> {
    checkRelativePath(path, true);
    await this.#job('chownTree', 'cannot be given away', path, () =>
      native().chownTree(this.#handle, path, owner.uid, owner.gid),
    );
  }

  /** Puts on disk everything written so far to this file system, off the event loop (for `durable: false`). */
  async syncAll(): Promise<void> {
    await this.#job('sync', 'cannot be synced', '.', () => native().syncAll(this.#handle));
  }

  /**
   * Waits until all files below `path` are on the disk: one commit for everything written with `durable: false`.
   * Changes nothing, so it is no effect.
   */
  async settle(path = '.'): Promise<void> {
    checkRelativePath(path, true);
    try {
      await native().settle(this.#handle, path);
    } catch (error) {
      throw beneathError(error, this.#full(path), 'cannot be brought to the disk');
    }
  }

  #full(path: string): string {
    return path === '.' ? this.path : `${this.path === '/' ? '' : this.path}/${path}`;
  }

  #do<T>(what: string, path: string, call: () => T): T {
    return guarded(what, this.#full(path), call);
  }

  #change(name: string, what: string, path: string, call: () => void, detail = path): void {
    effect(`beneath.${name}`, this.#full(detail));
    this.#do(what, path, call);
  }

  async #job(name: string, what: string, path: string, call: () => Promise<void>): Promise<void> {
    effect(`beneath.${name}`, this.#full(path));
    try {
      await call();
    } catch (error) {
      throw beneathError(error, this.#full(path), what);
    }
  }
}

function guarded<T>(what: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw beneathError(error, path, what);
  }
}

function absent<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
