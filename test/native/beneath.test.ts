// The facade of beneath: what it refuses in words, what it announces, and that its handles cannot be misused. What a
// tenant may plant is tested without Node (native/test/beneath_test.cc, tree_test.cc).
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Directory } from '../../src/native/beneath.js';
import { observeEffects } from '../../src/native/effect.js';
import { NativeError } from '../../src/native/error.js';

t.test('a path that is not beneath is refused with a sentence, before anything is done', (t) => {
  using directory = Directory.open(t.testdir({}));
  const bad = [
    '',
    '/etc/passwd',
    '..',
    '../x',
    'a/../../x',
    './a',
    'a//b',
    'a/',
    'a\0b',
    'x'.repeat(256),
    'a/'.repeat(3000),
  ];
  for (const one of [...bad, undefined, 7, {}]) {
    const relative = one as string;
    t.throws(() => directory.read(relative), TypeError, String(one));
    t.throws(() => directory.write(relative, '', { mode: 0o600 }), TypeError);
    t.throws(() => directory.makeDirectory(relative, { mode: 0o700 }), TypeError);
    t.throws(() => directory.unlink(relative, { missing: true }), TypeError);
    t.throws(() => directory.rename('a', relative), TypeError);
    t.throws(() => directory.chmod(relative, 0o600), TypeError);
    t.throws(() => directory.directory(relative), TypeError);
    void t.rejects(directory.removeTree(relative), TypeError);
  }
  t.throws(() => directory.unlink('.'), { message: /names the directory itself/ });
  t.throws(() => Directory.open('relative'), { message: /not an absolute path/ });
  t.throws(() => Directory.open('/a/../b'), { message: /\.\./ });
  t.strictSame(directory.list(), []);
  t.end();
});

t.test('values out of range are refused by the addon', (t) => {
  using directory = Directory.open(t.testdir({}));
  for (const mode of [-1, 0o10000, 1.5, Number.NaN, '0600' as unknown as number]) {
    t.throws(() => directory.write('f', '', { mode }), TypeError);
  }
  for (const uid of [-1, 4_294_967_295, 0.5, Number.POSITIVE_INFINITY]) {
    t.throws(() => directory.write('f', '', { mode: 0o600, owner: { uid, gid: 0 } }), TypeError);
    t.throws(() => directory.chown('.', { uid, gid: 0 }), TypeError);
  }
  t.throws(() => directory.write('f', '', { mode: 0o600, label: 'a\0b' }), TypeError);
  t.throws(() => directory.read('f', -1), TypeError);
  for (const data of [5, undefined, [1], new ArrayBuffer(1)]) {
    t.throws(() => directory.write('f', data as unknown as string, { mode: 0o600 }), {
      message: /a text or bytes/,
    });
  }
  t.strictSame(directory.list(), []);
  t.end();
});

t.test('what is written is read back, text and bytes', (t) => {
  const dir = t.testdir({});
  using directory = Directory.open(dir);
  directory.write('text', 'Grüße\n', { mode: 0o640 });
  t.equal(directory.readText('text'), 'Grüße\n');
  const bytes = new Uint8Array([0, 255, 10, 0]).subarray(1, 3);
  directory.write('bytes', bytes, { mode: 0o600, durable: false });
  t.same([...directory.read('bytes')], [255, 10]);
  t.match(directory.stat('bytes'), { type: 'file', mode: 0o600, size: 2, nlink: 1 });
  t.equal(directory.stat('bytes').mtimeMs, statSync(path.join(dir, 'bytes')).mtimeMs);
  t.equal(directory.tryReadText('none'), undefined);
  t.equal(directory.tryReadText('none/deeper'), undefined);
  t.throws(() => directory.tryReadText('text/deeper'), { code: 'ENOTDIR' });
  directory.makeDirectory('d', { mode: 0o1770 });
  using below = directory.directory('d');
  below.write('x', '', { mode: 0o600 });
  below.symlink('/etc/passwd', 'l');
  t.equal(below.readlink('l'), '/etc/passwd');
  t.strictSame(
    [...directory.list('d')].sort((a, b) => a.name.localeCompare(b.name)),
    [
      { name: 'l', type: 'symlink' },
      { name: 'x', type: 'file' },
    ],
  );
  t.equal(below.exists('l'), true);
  below.rename('x', 'l');
  t.equal(below.readText('l'), '');
  t.throws(() => directory.removeDirectory('d'), { code: 'ENOTEMPTY' });
  below.unlink('l');
  below.unlink('l', { missing: true });
  t.throws(() => below.unlink('l'), { code: 'ENOENT', step: 'unlink' });
  directory.removeDirectory('d');
  t.equal(directory.exists('d'), false);
  t.strictSame(readdirSync(dir).sort(), ['bytes', 'text']);
  t.end();
});

t.test('an error names the entry, the rule, the errno and the step', (t) => {
  const dir = t.testdir({ f: 'x'.repeat(100) });
  symlinkSync('/etc/passwd', path.join(dir, 'l'));
  using directory = Directory.open(dir);
  const error = t.throws(() => directory.read('l')) as NativeError;
  t.type(error, NativeError);
  t.match(error, { code: 'ELOOP', step: 'open', errno: 40 });
  t.equal(error.message, `${dir}/l cannot be read: a symbolic link is never followed (ELOOP).`);
  t.throws(() => directory.read('f', 99), { code: 'EFBIG', message: /larger than what may be read/ });
  t.throws(() => Directory.open(path.join(dir, 'f')), { code: 'ENOTDIR' });
  t.end();
});

t.test('trees are copied, given away and removed off the loop, and say where they failed', async (t) => {
  const dir = t.testdir({ source: { a: { b: '1' }, skip: { c: '2' } }, target: {} });
  symlinkSync('a/b', path.join(dir, 'source', 'l'));
  using directory = Directory.open(dir);
  await directory.copyTree(directory, 'source', 'target', { exclude: ['skip'] });
  t.strictSame(readdirSync(path.join(dir, 'target')).sort(), ['a', 'l']);
  t.equal(readFileSync(path.join(dir, 'target', 'l'), 'utf8'), '1');
  using source = directory.directory('source');
  await directory.copyTree(source, '.', 'again', {});
  t.strictSame(readdirSync(path.join(dir, 'again')).sort(), ['a', 'l', 'skip']);
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  await directory.chownTree('again', own);
  await directory.settle('again');
  await directory.settle();
  await t.rejects(directory.settle('none'), { code: 'ENOENT', message: /cannot be brought to the disk/ });
  await directory.removeTree('again');
  await directory.removeTree('again');
  t.equal(directory.exists('again'), false);
  await t.rejects(directory.copyTree(directory, 'none', 'x', {}), { code: 'ENOENT' });
  await t.rejects(directory.chownTree('none', own), { code: 'ENOENT' });
});

t.test('a job goes on when its directory is closed meanwhile', async (t) => {
  const dir = t.testdir({ a: { b: { c: '1' } } });
  const directory = Directory.open(dir);
  const job = directory.removeTree('a');
  directory.close();
  await job;
  t.strictSame(readdirSync(dir), []);
});

t.test('a closed directory, and what is none, are refused', (t) => {
  const directory = Directory.open(t.testdir({}));
  directory.close();
  directory.close();
  t.throws(() => directory.list(), { code: 'EBADF', step: 'closed', message: /is closed/ });
  t.throws(() => directory.write('f', '', { mode: 0o600 }), { code: 'EBADF' });
  void t.rejects(directory.removeTree('x'), { code: 'EBADF' });
  const forged = Object.create(Directory.prototype) as Directory;
  t.throws(() => forged.list(), TypeError);
  t.end();
});

t.test('each change is announced once, before it is made, and can be prevented', async (t) => {
  const dir = t.testdir({});
  using directory = Directory.open(dir);
  const seen: string[] = [];
  observeEffects((name, detail) => {
    seen.push(`${name} ${path.relative(dir, detail.split(' ')[0] ?? '')}`);
    if (detail.endsWith('forbidden')) throw new Error('prevented');
  });
  t.teardown(() => observeEffects(undefined));
  directory.write('f', '', { mode: 0o600 });
  directory.chmod('f', 0o640);
  directory.makeDirectory('d', { mode: 0o700 });
  directory.rename('f', 'd/f');
  directory.symlink('x', 'l');
  directory.unlink('l');
  directory.exists('d');
  directory.readText('d/f');
  await directory.removeTree('d');
  t.throws(() => directory.write('forbidden', '', { mode: 0o600 }), { message: 'prevented' });
  t.strictSame(seen, [
    'beneath.write f',
    'beneath.chmod f',
    'beneath.mkdir d',
    'beneath.rename f',
    'beneath.symlink l',
    'beneath.unlink l',
    'beneath.removeTree d',
    'beneath.write forbidden',
  ]);
  t.strictSame(readdirSync(dir), []);
});

t.test('descriptors do not add up: closed, forgotten, and of ended workers', async (t) => {
  const dir = t.testdir({ a: {} });
  const open = (): number => readdirSync('/proc/self/fd').length;
  const before = open();
  for (let i = 0; i < 200; i += 1) {
    using directory = Directory.open(dir);
    directory.directory('a').close();
    t.throws(() => directory.directory('none'));
  }
  t.ok(open() <= before + 2, 'closed');
  const module = fileURLToPath(new URL('../../src/native/beneath.js', import.meta.url));
  const code = `import(${JSON.stringify(module)}).then(({ Directory }) => {
    for (let i = 0; i < 20; i += 1) globalThis['d' + i] = Directory.open(${JSON.stringify(dir)});
    globalThis.d0.write('worker', 'x', { mode: 0o600 });
  });`;
  for (let i = 0; i < 3; i += 1) {
    const worker = new Worker(code, { eval: true });
    const status = await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
    t.equal(status, 0);
  }
  t.equal(readFileSync(path.join(dir, 'worker'), 'utf8'), 'x');
  t.ok(open() <= before + 3, 'of workers');
});

t.test('a folder of variables is the same object until something in it changes', (t) => {
  const dir = t.testdir({ env: { A: 'a', 'not.one': '', below: {} } });
  using directory = Directory.open(dir);
  const first = directory.readFolder('env', 10, 100);
  t.same([...first.files], [['A', 'a']]);
  t.same(first.folders, ['below']);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
  const settled = directory.readFolder('env', 10, 100);
  t.equal(directory.readFolder('env', 10, 100), settled);
  writeFileSync(path.join(dir, 'env', 'A'), 'b');
  t.same([...directory.readFolder('env', 10, 100).files], [['A', 'b']]);
  t.same([...directory.readFolder('none', 10, 100).files], []);
  t.throws(() => directory.readFolder('../x', 10, 100), TypeError);
  t.throws(() => directory.readFolder('env', -1, 100), TypeError);
  t.end();
});

t.test('no descriptor reaches a program that is started', (t) => {
  const dir = t.testdir({ below: {} });
  using directory = Directory.open(dir);
  using below = directory.directory('below');
  below.write('f', '', { mode: 0o600 });
  const listed = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
  t.match(listed, '/proc/');
  t.notMatch(listed, dir);
  t.end();
});

t.test('the event loop is free while a large tree is removed', async (t) => {
  const dir = t.testdir({ big: {} });
  for (let i = 0; i < 3000; i += 1) writeFileSync(path.join(dir, 'big', String(i)), '');
  using directory = Directory.open(dir);
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const began = performance.now();
  await directory.removeTree('big');
  clearInterval(timer);
  const took = performance.now() - began;
  t.ok(longest < Math.max(took / 2, 20), `${longest.toFixed(1)} ms of ${took.toFixed(1)} ms`);
});
