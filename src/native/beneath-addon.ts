/**
 * The addon's part that beneath.ts stands on, as it is: no check, no words. Invariant: nobody but beneath.ts calls it.
 */
import { addon } from './load.js';

export type EntryType = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'device';

export interface EntryInfo {
  readonly type: EntryType;
  /** Permission bits, set-id and sticky bits included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
  readonly nlink: number;
}

export interface ListEntry {
  readonly name: string;
  readonly type: EntryType;
}

/** Opaque to JavaScript: a descriptor that the addon holds. */
export interface Handle {
  readonly kind: unique symbol;
}

type Id = number | undefined;

interface BeneathAddon {
  open(path: string): Handle;
  openBelow(handle: Handle, path: string): Handle;
  close(handle: Handle): void;
  read(handle: Handle, path: string, limit: number): Buffer;
  /** Generation, [name, text, name, text, ...], folders; undefined when it is still of the known generation. */
  readFolder(
    handle: Handle,
    path: string,
    most: number,
    limit: number,
    known: number,
  ): [number, string[], string[]] | undefined;
  write(
    h: Handle,
    path: string,
    data: Buffer,
    mode: number,
    uid: Id,
    gid: Id,
    label?: string,
    sync?: boolean,
  ): void;
  makeDirectory(
    h: Handle,
    path: string,
    mode: number,
    uid: Id,
    gid: Id,
    label?: string,
    existing?: boolean,
  ): void;
  unlink(handle: Handle, path: string): void;
  removeDirectory(handle: Handle, path: string): void;
  rename(handle: Handle, from: string, to: string): void;
  symlink(handle: Handle, path: string, target: string, uid: Id, gid: Id): void;
  readlink(handle: Handle, path: string): string;
  chown(handle: Handle, path: string, uid: number, gid: number): void;
  chmod(handle: Handle, path: string, mode: number): void;
  setLabel(handle: Handle, path: string, label: string): void;
  getLabel(handle: Handle, path: string): string;
  stat(handle: Handle, path: string): EntryInfo;
  list(handle: Handle, path: string, limit: number): ListEntry[];
  removeTree(handle: Handle, path: string): Promise<void>;
  copyTree(
    source: Handle,
    sourcePath: string,
    target: Handle,
    path: string,
    uid: Id,
    gid: Id,
    keepOwner: boolean,
    exclude: readonly string[],
  ): Promise<void>;
  settle(handle: Handle, path: string): Promise<void>;
  chownTree(handle: Handle, path: string, uid: number, gid: number): Promise<void>;
  syncAll(handle: Handle): Promise<void>;
}

export const native = (): BeneathAddon => addon<{ beneath: BeneathAddon }>().beneath;
