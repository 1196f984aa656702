// The runtime map against a real HAProxy: memory and file say the same after every change, start and mend.
import { readFile, writeFile } from 'node:fs/promises';
import t from 'tap';
import { haproxyChange, haproxyCommand } from '../../src/host/haproxy-socket.js';
import { HaproxyMap } from '../../src/host/haproxy.js';
import { makeDoor } from './front-door.js';

const here = await makeDoor();
t.teardown(() => here.remove());
const { map, door } = here;
const file = (): Promise<string> => readFile(door.mapFile, 'utf8');
const memory = async (): Promise<string[]> =>
  (await haproxyCommand(door.socketPath, `show map ${door.mapFile}`))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^0x\S+ /, ''))
    .sort();

await t.test(
  'without a running HAProxy a route is written, warned about, and known to the next start',
  async (t) => {
    t.equal(await map.set('early.example.com', '127.0.0.1:1'), 'file');
    t.match(here.warnings.join(), /not running/);
    t.equal(await map.set('gone.example.com', '127.0.0.1:1'), 'file');
    t.equal(await map.remove('gone.example.com'), 'file');
    await t.rejects(map.running('early.example.com'), { code: 'ERR_HAPROXY_DOWN' });
    await here.start();
    t.same(await memory(), ['early.example.com 127.0.0.1:1']);
  },
);

await t.test('a route set twice stands once in memory and in the file', async (t) => {
  t.equal(await map.set('a.example.com', '127.0.253.129:8080'), 'running');
  t.equal(await map.set('a.example.com', '127.0.253.129:8080'), 'running');
  t.same(
    (await memory()).filter((line) => line.startsWith('a.')),
    ['a.example.com 127.0.253.129:8080'],
  );
  t.equal(await file(), 'early.example.com 127.0.0.1:1\na.example.com 127.0.253.129:8080\n');
  t.equal(map.get('a.example.com'), '127.0.253.129:8080');
  t.equal(await map.running('a.example.com'), '127.0.253.129:8080');
});

await t.test(
  'a route that moves is changed in place, and a key that begins like another is another',
  async (t) => {
    await map.set('a.example.com.au', '127.0.0.3:8080');
    await map.set('a.example.com', '127.0.0.2:8080');
    t.equal(
      await file(),
      'early.example.com 127.0.0.1:1\na.example.com 127.0.0.2:8080\na.example.com.au 127.0.0.3:8080\n',
    );
    t.equal(await map.running('a.example.com'), '127.0.0.2:8080');
    await map.remove('early.example.com');
    await map.remove('a.example.com.au');
    await map.remove('a.example.com.au');
    t.equal(await file(), 'a.example.com 127.0.0.2:8080\n');
    t.same(await memory(), ['a.example.com 127.0.0.2:8080']);
    t.equal(map.get('a.example'), undefined);
  },
);

await t.test('what a crash left between file and memory is mended by reconcile', async (t) => {
  await writeFile(door.mapFile, 'a.example.com 127.0.0.9:8080\nonly-file.example.com 127.0.0.4:8080\n');
  await haproxyChange(door.socketPath, `add map ${door.mapFile} only-memory.example.com 127.0.0.5:8080`);
  await haproxyChange(door.socketPath, `add map ${door.mapFile} only-file.example.com 127.0.0.4:8080`);
  await haproxyChange(door.socketPath, `add map ${door.mapFile} only-file.example.com 127.0.0.6:8080`);
  const { outcome, mended } = await map.reconcile();
  t.equal(outcome, 'running');
  t.same([...mended].sort(), ['a.example.com', 'only-file.example.com', 'only-memory.example.com']);
  t.same(await memory(), ['a.example.com 127.0.0.9:8080', 'only-file.example.com 127.0.0.4:8080']);
  t.same((await map.reconcile()).mended, []);
});

await t.test(
  'what a killed writer left is gone after the next change, even one that changes nothing',
  async (t) => {
    await writeFile(`${door.mapFile}.new`, 'half');
    await map.remove('nobody.example.com');
    await t.rejects(readFile(`${door.mapFile}.new`), { code: 'ENOENT' });
  },
);

await t.test('a restart of HAProxy knows every route', async (t) => {
  const before = await memory();
  await here.stop();
  await map.set('while-down.example.com', '127.0.0.7:8080');
  await here.start();
  t.same(await memory(), [...before, 'while-down.example.com 127.0.0.7:8080'].sort());
});

await t.test('200 changes at once through two openers of the map lose nothing', async (t) => {
  const other = new HaproxyMap(door.socketPath, door.mapFile);
  const names = Array.from({ length: 200 }, (_, n) => `many-${n}.example.com`);
  await Promise.all(names.map((name, n) => (n % 2 === 0 ? map : other).set(name, `127.0.1.${n}:8080`)));
  t.equal((await memory()).length, 203);
  t.equal((await file()).trim().split('\n').length, 203);
  await map.edit(new Map(names.map((name) => [name, undefined])));
  t.equal((await memory()).length, 3);
});

await t.test(
  'words that would be more than a word of a command are refused and nothing changes',
  async (t) => {
    const before = await file();
    for (const bad of ['', 'a b', 'a\nb', 'a;quit', '#1', '@1', '-x', 'a"b', 'a\\b', '<<', 'x'.repeat(300)]) {
      await t.rejects(
        map.set(bad, '127.0.0.1:1'),
        { code: 'ERR_BAD_ROUTE' },
        JSON.stringify(bad.slice(0, 20)),
      );
      await t.rejects(map.set('a.example.com', bad), { code: 'ERR_BAD_ROUTE' });
    }
    t.equal(await file(), before);
  },
);

await t.test('a map HAProxy does not serve is a clear error', async (t) => {
  const other = new HaproxyMap(door.socketPath, `${door.mapFile}.other`);
  await t.rejects(other.set('a.example.com', '127.0.0.1:1'), {
    code: 'ERR_HAPROXY_COMMAND',
    message: /does not serve the map/,
  });
});
