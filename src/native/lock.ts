/**
 * One lock file in which each offset is a lock of its own. Invariants (held by the addon): a lock belongs to this
 * LockFile and ends with it or with the process, no child inherits it, and the file is never unlinked.
 */
import { addon, nativeError } from './load.js';
import { checkAbsolutePath } from './path.js';

interface Handle {
  readonly kind: unique symbol;
}

interface LockAddon {
  open(path: string): Handle;
  tryLock(handle: Handle, offset: bigint, shared: boolean): boolean;
  unlock(handle: Handle, offset: bigint): void;
  close(handle: Handle): void;
}

const native = (): LockAddon => addon<{ lock: LockAddon }>().lock;

export class LockFile implements Disposable {
  readonly #handle: Handle;
  readonly path: string;

  private constructor(handle: Handle, path: string) {
    this.#handle = handle;
    this.path = path;
  }

  /** Opens the file, or makes it (mode 0600). */
  static open(path: string): LockFile {
    checkAbsolutePath(path);
    return new LockFile(
      attempt(`The lock file ${path} cannot be opened`, () => native().open(path)),
      path,
    );
  }

  /** true: the lock is ours, until unlock, close or the end of the process. Asking again for what is ours is fine. */
  tryLock(offset: bigint, shared = false): boolean {
    return attempt(`${this.path} cannot be locked`, () => native().tryLock(this.#handle, offset, shared));
  }

  unlock(offset: bigint): void {
    attempt(`${this.path} cannot be unlocked`, () => native().unlock(this.#handle, offset));
  }

  close(): void {
    native().close(this.#handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function attempt<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw nativeError(error, what);
  }
}
