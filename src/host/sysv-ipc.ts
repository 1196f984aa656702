/**
 * System V shared memory, message queues and semaphores, and POSIX message queues, that a user leaves behind:
 * they have no process and no file below a home, so nothing else removes them. Invariant: only objects whose
 * owner is exactly that uid are touched.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { effect } from '../native/effect.js';
import { errnoOf, OoError } from '../native/error.js';
import { run } from '../native/launch.js';

const kinds = { shm: '-m', msg: '-q', sem: '-s' } as const;
type Kind = keyof typeof kinds;

/**
 * Ids of the objects of one kind that a uid owns, out of a table of /proc/sysvipc (columns by the names above
 * them).
 */
export function ownedIds(table: string, uid: number): readonly string[] {
  const [head = '', ...rows] = table.split('\n');
  const names = head.trim().split(/\s+/);
  const owner = names.indexOf('uid');
  const id = names.findIndex((name) => name.endsWith('id') && name !== 'uid');
  return rows.flatMap((row) => {
    const fields = row.trim().split(/\s+/);
    const value = fields[id];
    return value !== undefined && fields[owner] === String(uid) ? [value] : [];
  });
}

function owned(uid: number): readonly (readonly [Kind, string])[] {
  return (Object.keys(kinds) as Kind[]).flatMap((kind) => {
    const file = `/proc/sysvipc/${kind}`;
    if (!existsSync(file)) return []; // a kernel without System V IPC
    return ownedIds(readFileSync(file, 'utf8'), uid).map((id) => [kind, id] as const);
  });
}

const MQUEUE = '/dev/mqueue';

function removeQueues(uid: number): void {
  if (!existsSync(MQUEUE)) return;
  for (const name of readdirSync(MQUEUE)) {
    const path = join(MQUEUE, name);
    try {
      if (lstatSync(path).uid !== uid) continue;
      effect('ipc.remove', path);
      unlinkSync(path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** Removes all IPC objects of a uid. The usual case, none, costs three small reads. */
export async function removeIpc(uid: number): Promise<void> {
  removeQueues(uid);
  const objects = owned(uid);
  if (objects.length === 0) return;
  effect('ipc.remove', `uid ${uid}`);
  const result = await run({
    file: '/usr/bin/ipcrm',
    argv: ['ipcrm', ...objects.flatMap(([kind, id]) => [kinds[kind], id])],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    stderr: 'merge',
    deadline: 10_000,
  });
  const left = owned(uid);
  if (left.length === 0) return;
  throw new OoError(
    `${left.length} IPC objects of uid ${uid} could not be removed (${result.stdout.toString('utf8').trim()}); remove them with ipcrm.`,
    { code: 'ERR_IPC' },
  );
}
