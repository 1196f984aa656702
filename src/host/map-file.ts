/**
 * A map file as HAProxy reads it at its start: `key value`, one a line. It is spliced as bytes, never parsed whole, so
 * that a change costs the same search and copy whatever else it holds, and it is replaced by rename after fsync: a
 * reader, and the next boot, sees the old file or the new one. Invariant: a key stands in it at most once.
 */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { effect } from '../native/effect.js';
import { errnoOf } from '../native/error.js';

export class MapFile {
  constructor(readonly path: string) {}

  /** The value of a key as it stands on disk. */
  get(key: string): string | undefined {
    return valueOf(this.#readSync(), key);
  }

  async entries(): Promise<Map<string, string>> {
    const entries = new Map<string, string>();
    for (const line of (await this.#read()).toString('utf8').split('\n')) {
      const match = /^([^#\s]\S*)\s+(\S+)\s*$/.exec(line);
      if (match !== null) entries.set(match[1]!, match[2]!);
    }
    return entries;
  }

  /** Set (a value) or remove (undefined) each key; writes nothing when nothing changes. The caller holds the lock. */
  async edit(changes: ReadonlyMap<string, string | undefined>): Promise<boolean> {
    const before = await this.#read();
    let after: Buffer = before;
    for (const [key, value] of changes) after = splice(after, key, value);
    if (after === before) {
      // What a killed process was writing; under the lock nobody else is.
      await rm(this.#temporary, { force: true });
      return false;
    }
    await this.#replace(after);
    return true;
  }

  async #read(): Promise<Buffer> {
    try {
      return await readFile(this.path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return Buffer.alloc(0);
      throw error;
    }
  }

  #readSync(): Buffer {
    try {
      return readFileSync(this.path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return Buffer.alloc(0);
      throw error;
    }
  }

  get #temporary(): string {
    return `${this.path}.new`;
  }

  async #replace(content: Buffer): Promise<void> {
    const temporary = this.#temporary;
    effect('haproxy.map.write', this.path);
    const file = await open(temporary, 'w', 0o640);
    try {
      await file.writeFile(content);
      await file.datasync();
    } finally {
      await file.close();
    }
    effect('haproxy.map.rename', this.path);
    await rename(temporary, this.path);
    const directory = await open(path.dirname(this.path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

/** First and last byte (exclusive) of a key's line, its newline included. */
function lineOf(content: Buffer, key: string): [number, number] | undefined {
  const word = `${key} `;
  let start = 0;
  if (content.toString('latin1', 0, word.length) !== word) {
    const found = content.indexOf(`\n${word}`);
    if (found === -1) return undefined;
    start = found + 1;
  }
  const newline = content.indexOf('\n', start);
  return [start, newline === -1 ? content.length : newline + 1];
}

function valueOf(content: Buffer, key: string): string | undefined {
  const line = lineOf(content, key);
  if (line === undefined) return undefined;
  return content.toString('utf8', line[0] + key.length + 1, line[1]).trim();
}

function splice(content: Buffer, key: string, value: string | undefined): Buffer {
  const line = lineOf(content, key);
  if (value === undefined && line === undefined) return content;
  if (line !== undefined && valueOf(content, key) === value) return content;
  const [start, end] = line ?? [content.length, content.length];
  const head = content.subarray(0, start);
  const gap = head.length > 0 && head.at(-1) !== 0x0a ? '\n' : '';
  const text = value === undefined ? '' : `${gap}${key} ${value}\n`;
  return Buffer.concat([head, Buffer.from(text), content.subarray(end)]);
}
