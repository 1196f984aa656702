/**
 * One journal file: a first line that says what was begun with which input, then one line for each step that
 * begins or ends. The first line is on the disk before the first step; the others are only written, not
 * synced, because recovery does not depend on them. Invariant: a file whose first line has no end belongs to
 * an operation that never began.
 */
import { closeSync, fsync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { effect } from '../native/effect.js';
import { errnoOf, OoError } from '../native/error.js';

export interface Beginning {
  readonly version: 1;
  readonly gear: string;
  readonly operation: string;
  readonly input: unknown;
  readonly pid: number;
  readonly time: string;
}

export type Parsed =
  | { readonly kind: 'torn' }
  | { readonly kind: 'corrupt'; readonly why: string }
  | { readonly kind: 'whole'; readonly beginning: Beginning; readonly finished: boolean };

const fileName = /^([A-Za-z0-9_][A-Za-z0-9_-]*)\.([a-z][a-z0-9-]*)\.(\d+)\.json$/;

export interface EntryName {
  readonly file: string;
  readonly gear: string;
  readonly operation: string;
  readonly number: bigint;
}

export function parseEntryName(file: string): EntryName | undefined {
  const match = fileName.exec(file);
  const [, gear, operation, number] = match ?? [];
  if (gear === undefined || operation === undefined || number === undefined) return undefined;
  return { file, gear, operation, number: BigInt(number) };
}

export function parseEntry(text: string): Parsed {
  const end = text.indexOf('\n');
  if (end < 0) return { kind: 'torn' };
  let beginning: unknown;
  try {
    beginning = JSON.parse(text.slice(0, end));
  } catch {
    return { kind: 'corrupt', why: 'its first line is not JSON' };
  }
  const { version, gear, operation } = (beginning ?? {}) as Partial<Record<string, unknown>>;
  if (version !== 1) return { kind: 'corrupt', why: `its version is ${String(version)}, not 1` };
  if (typeof gear !== 'string' || typeof operation !== 'string')
    return { kind: 'corrupt', why: 'it names no operation' };
  return {
    kind: 'whole',
    beginning: beginning as Beginning,
    finished: text.includes('\n{"finished":true}\n', end),
  };
}

/** Off the event loop: a disk may take its time. */
const sync = promisify(fsync);

async function syncDirectory(directory: string): Promise<void> {
  const descriptor = openSync(directory, 'r');
  try {
    await sync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A file of an operation that runs in this process. */
export class Entry {
  readonly #descriptor: number;

  private constructor(
    readonly path: string,
    descriptor: number,
  ) {
    this.#descriptor = descriptor;
  }

  /** Creates the file and returns when it would survive a power failure. */
  static async begin(directory: string, number: bigint, beginning: Beginning): Promise<Entry> {
    const path = join(directory, `${beginning.gear}.${beginning.operation}.${number}.json`);
    effect('journal.begin', basename(path));
    let descriptor: number;
    try {
      descriptor = openSync(path, 'ax', 0o600);
    } catch (cause) {
      throw new OoError(
        `The journal entry ${path} cannot be written (${errnoOf(cause) ?? 'unknown error'}). Nothing was done; check the disk and that you are root.`,
        { code: 'ERR_JOURNAL', gear: beginning.gear, cause },
      );
    }
    const entry = new Entry(path, descriptor);
    try {
      writeSync(descriptor, `${JSON.stringify(beginning)}\n`);
      await sync(descriptor);
      await syncDirectory(directory);
    } catch (cause) {
      entry.close();
      unlinkSync(path);
      throw new OoError(
        `The journal entry ${path} cannot be written (${errnoOf(cause) ?? 'unknown error'}). Nothing was done; make room on the disk.`,
        { code: 'ERR_JOURNAL', gear: beginning.gear, cause },
      );
    }
    return entry;
  }

  /** Notes progress, for whoever reads the file; a note that cannot be written is no failure. */
  note(what: Readonly<Record<string, string | true>>): void {
    try {
      writeSync(this.#descriptor, `${JSON.stringify(what)}\n`);
    } catch {
      // A full disk must not stop an undo that makes room on it.
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

export function readEntry(directory: string, file: string): Parsed {
  return parseEntry(readFileSync(join(directory, file), 'utf8'));
}

/** Removes a file for good: the removal itself survives a power failure. */
export async function removeEntry(directory: string, file: string): Promise<void> {
  effect('journal.end', file);
  try {
    unlinkSync(join(directory, file));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  await syncDirectory(directory);
}
