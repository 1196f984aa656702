// Locks of a lock file: between descriptors, between processes, and their end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { LockFile } from '../../src/native/lock.js';

const module = fileURLToPath(new URL('../../src/native/lock.js', import.meta.url));

t.test('each offset is a lock of its own, and what is held twice is free after one unlock', (t) => {
  const file = path.join(t.testdir({}), 'lock');
  using one = LockFile.open(file);
  using two = LockFile.open(file);
  t.equal(one.tryLock(5n), true);
  t.equal(one.tryLock(5n), true);
  t.equal(two.tryLock(5n), false);
  t.equal(two.tryLock(2n ** 62n - 1n), true);
  one.unlock(5n);
  t.equal(two.tryLock(5n, true), true);
  t.equal(one.tryLock(5n, true), true);
  t.equal(one.tryLock(5n), false);
  two.close();
  t.equal(one.tryLock(5n), true);
  t.end();
});

t.test('bad offsets, closed files and odd files are refused in words', (t) => {
  const dir = t.testdir({ link: t.fixture('symlink', 'target') });
  const file = LockFile.open(path.join(dir, 'lock'));
  for (const offset of [-1n, 2n ** 63n - 1n])
    t.throws(() => file.tryLock(offset), { code: 'EINVAL', step: 'offset' });
  for (const offset of [2n ** 64n, 5 as unknown as bigint, undefined as unknown as bigint]) {
    t.throws(() => file.tryLock(offset), TypeError);
  }
  file.close();
  file.close();
  t.throws(() => file.tryLock(1n), { code: 'EBADF', step: 'closed' });
  t.throws(() => file.unlock(1n), { code: 'EBADF' });
  t.throws(() => LockFile.open(path.join(dir, 'link')), { code: 'ELOOP', message: /cannot be opened/ });
  t.throws(() => LockFile.open('lock'), TypeError);
  t.end();
});

t.test('a lock held by another process ends with kill -9, and no child of it keeps it', async (t) => {
  const file = path.join(t.testdir({}), 'lock');
  using own = LockFile.open(file);
  const code = `import { LockFile } from ${JSON.stringify(module)};
    import { spawn } from 'node:child_process';
    const lock = LockFile.open(process.argv[1]);
    if (!lock.tryLock(9n)) process.exit(1);
    spawn('sleep', ['3'], { detached: true, stdio: 'ignore' }).unref();
    process.stdout.write('held');
    setInterval(() => lock, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  t.equal(own.tryLock(9n), false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.equal(own.tryLock(9n), true);
});
