/** The gear's lock: queues in a process, excludes between processes, goes with the process that held it. */
import t from 'tap';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockOffset, tryGearLock, withGearLock } from '../../src/gear/lock.js';
import { openNode } from '../../src/node/node.js';
import { hostNode } from '../operations/host-node.js';

if (process.argv[2] === 'hold') {
  await withGearLock(await openNode(), process.argv[3] ?? '', async () => {
    process.stdout.write('held\n');
    await sleep(60_000);
  });
}

const node = await hostNode();

async function holder(uuid: string) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'hold', uuid], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

t.test('work on one gear queues in order, work on others runs beside it', async (t) => {
  const seen: string[] = [];
  const work = (name: string, uuid: string, ms: number) =>
    withGearLock(node, uuid, async () => {
      seen.push(`${name}+`);
      await sleep(ms);
      seen.push(`${name}-`);
    });
  await Promise.all([work('a', 'g1', 60), work('b', 'g1', 5), work('c', 'g1', 5), work('d', 'g2', 5)]);
  t.same(
    seen.filter((word) => !word.startsWith('d')),
    ['a+', 'a-', 'b+', 'b-', 'c+', 'c-'],
  );
  t.ok(seen.indexOf('d-') < seen.indexOf('a-'));
});

t.test('a call from within the work runs at once; an error lets go of the lock', async (t) => {
  t.equal(await withGearLock(node, 'g1', () => withGearLock(node, 'g1', () => 7)), 7);
  await t.rejects(
    withGearLock(node, 'g1', () => Promise.reject(new Error('x'))),
    { message: 'x' },
  );
  t.equal(await withGearLock(node, 'g1', () => 8), 8);
});

t.test('another process is waited for, its death frees the lock, and the wait has an end', async (t) => {
  const child = await holder('g1');
  t.equal(await tryGearLock(node, 'g1', async () => 1), undefined);
  t.equal(await tryGearLock(node, 'g2', async () => 1), 1);
  await t.rejects(
    withGearLock(node, 'g1', () => 1, { wait: 200 }),
    { code: 'ERR_GEAR_BUSY' },
  );
  const waiting = withGearLock(node, 'g1', () => 'had it', { wait: 10_000 });
  const behind = withGearLock(node, 'g1', () => 'behind', { wait: 100 });
  await t.rejects(
    behind,
    { code: 'ERR_GEAR_BUSY' },
    'who queues behind in the same process has its own patience',
  );
  child.kill('SIGKILL');
  t.equal(await waiting, 'had it');
  t.equal(await withGearLock(node, 'g1', () => 'again'), 'again');
});

t.test('offsets are 62 bits and differ', async (t) => {
  const offsets = new Set(Array.from({ length: 10_000 }, (_, n) => lockOffset(`gear${n}`)));
  t.equal(offsets.size, 10_000);
  t.ok([...offsets].every((offset) => offset >= 0n && offset < 1n << 62n));
});
