// Waiting for a lock: in order, bounded, cancellable, and released whatever happens.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { withLock } from '../../src/host/lock.js';
import { LockFile } from '../../src/native/lock.js';

t.test('callers of one lock come one after the other, of different locks side by side', async (t) => {
  using file = LockFile.open(path.join(t.testdir({}), 'lock'));
  const order: string[] = [];
  const run = (name: string, offset: bigint) =>
    withLock(file, offset, async () => {
      order.push(`${name}>`);
      await sleep(5);
      order.push(`${name}<`);
      return name;
    });
  t.strictSame(await Promise.all([run('a', 1n), run('b', 1n), run('c', 1n)]), ['a', 'b', 'c']);
  t.strictSame(order, ['a>', 'a<', 'b>', 'b<', 'c>', 'c<']);
  order.length = 0;
  await Promise.all([run('a', 1n), run('b', 2n)]);
  t.strictSame(order.slice(0, 2), ['a>', 'b>']);
});

t.test('a lock is free again after its action has thrown', async (t) => {
  using file = LockFile.open(path.join(t.testdir({}), 'lock'));
  await t.rejects(
    withLock(file, 1n, () => Promise.reject(new Error('no'))),
    { message: 'no' },
  );
  t.equal(await withLock(file, 1n, () => 'yes'), 'yes');
});

t.test('the wait is bounded, behind another process and behind our own', async (t) => {
  const name = path.join(t.testdir({}), 'lock');
  using file = LockFile.open(name);
  using other = LockFile.open(name);
  other.tryLock(1n);
  const late = { code: 'ERR_LOCK_TIMEOUT', message: /nothing was done/ };
  await t.rejects(
    withLock(file, 1n, () => t.fail('ran'), { timeout: 40 }),
    late,
  );
  setTimeout(() => other.unlock(1n), 30);
  t.equal(await withLock(file, 1n, () => 'then', { timeout: 5000 }), 'then');
  const long = withLock(file, 1n, () => sleep(100));
  await t.rejects(
    withLock(file, 1n, () => t.fail('ran'), { timeout: 20 }),
    late,
  );
  t.equal(await withLock(file, 1n, () => 'after', { timeout: 5000 }), 'after');
  await long;
});

t.test('a wait can be cancelled', async (t) => {
  const name = path.join(t.testdir({}), 'lock');
  using file = LockFile.open(name);
  using other = LockFile.open(name);
  other.tryLock(1n);
  await t.rejects(
    withLock(file, 1n, () => t.fail('ran'), { signal: AbortSignal.timeout(20) }),
    { name: 'AbortError' },
  );
  other.unlock(1n);
  const long = withLock(file, 1n, () => sleep(60));
  await t.rejects(
    withLock(file, 1n, () => t.fail('ran'), { signal: AbortSignal.timeout(10) }),
    { name: 'AbortError' },
  );
  await long;
  t.equal(await withLock(file, 1n, () => 'free'), 'free');
});
