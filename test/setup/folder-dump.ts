/** A folder as text that can be compared: every path with type, mode, owner, link or digest of its content. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export function dumpFolder(path: string): readonly string[] {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return [];
  const head = `${path} ${info.mode.toString(8)} ${info.uid}:${info.gid}`;
  if (info.isSymbolicLink()) return [`${head} -> ${readlinkSync(path)}`];
  if (info.isFile()) return [`${head} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`];
  if (!info.isDirectory()) return [head];
  return [
    head,
    ...readdirSync(path)
      .sort()
      .flatMap((name) => dumpFolder(join(path, name))),
  ];
}
