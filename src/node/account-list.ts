/**
 * Which accounts carry the gears' gecos: the only list of gears there is. Reads the whole account file, so
 * only lists and node-wide verbs use it. Invariant: a line that is not a well-formed entry is skipped, never
 * guessed at.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../native/error.js';

export interface ListedAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export function gearAccounts(gecos: string, passwd = '/etc/passwd'): readonly ListedAccount[] {
  const found: ListedAccount[] = [];
  for (const line of readFileSync(passwd, 'utf8').split('\n')) {
    const fields = line.split(':');
    if (fields.length !== 7 || fields[4] !== gecos) continue;
    const [name = '', , uid = '', gid = ''] = fields;
    if (/^\d+$/.test(uid) && /^\d+$/.test(gid)) found.push({ name, uid: Number(uid), gid: Number(gid) });
  }
  return found;
}

const accountFiles = ['passwd', 'shadow', 'group', 'gshadow'] as const;

/**
 * Whether any of these account files has an entry of that name, a group without an account among them. Searched as
 * bytes: the files are long on a node with many gears.
 */
export function accountFilesName(
  name: string,
  files: readonly (typeof accountFiles)[number][] = accountFiles,
  directory = '/etc',
): boolean {
  return files.some((file) => {
    try {
      const bytes = readFileSync(join(directory, file));
      return (
        bytes.subarray(0, name.length + 1).toString('latin1') === `${name}:` || bytes.includes(`\n${name}:`)
      );
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false; // a system without shadow files
      throw error;
    }
  });
}
