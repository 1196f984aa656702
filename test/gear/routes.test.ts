// A gear's names at the front door: known per gear, never another gear's, right after any interruption.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { HaproxyMap } from '../../src/host/haproxy.js';
import {
  connectRoute,
  connectRoutes,
  disconnectAll,
  disconnectRoute,
  gearRoutes,
  routeName,
} from '../../src/gear/routes.js';
import type { GearUuid } from '../../src/gear/identity.js';
import type { Node } from '../../src/node/node.js';

const base = t.testdir({ routes: {}, run: {} });
const mapFile = path.join(base, 'routes', 'gears.map');
const node = {
  routes: new HaproxyMap(path.join(base, 'run', 'haproxy.sock'), mapFile),
  paths: { routes: path.join(base, 'routes') },
} as unknown as Node;
const one = { uuid: 'one' as GearUuid };
const two = { uuid: 'two' as GearUuid };
const map = (): Promise<string> => readFile(mapFile, 'utf8');

t.test('a connected name leads to the gear; connecting it again moves it', async (t) => {
  t.equal(await connectRoute(node, one, 'PhpApp-demo.example.com.', '127.0.253.129:8080'), 'file');
  await connectRoute(node, one, 'phpapp-demo.example.com', '127.0.253.130:8080');
  t.equal(await map(), 'phpapp-demo.example.com 127.0.253.130:8080\n');
  t.same(gearRoutes(node, one), ['phpapp-demo.example.com']);
});

t.test('a name of another gear is neither taken nor removed', async (t) => {
  await t.rejects(
    connectRoutes(node, two, ['two-demo.example.com', 'phpapp-demo.example.com'], '127.0.0.2:8080'),
    {
      code: 'ERR_ROUTE_TAKEN',
      exitCode: 129,
    },
  );
  t.same(gearRoutes(node, two), []);
  await disconnectRoute(node, two, 'phpapp-demo.example.com');
  await disconnectAll(node, two);
  t.match(await map(), /phpapp-demo/);
});

t.test('of two gears that ask for one name at once, one gets it', async (t) => {
  const asked = await Promise.allSettled(
    [one, two].map((gear, at) => connectRoute(node, gear, 'same.test', `127.0.0.${at + 2}:8080`)),
  );
  t.same(
    asked.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  t.notOk(gearRoutes(node, two).includes('same.test'));
  t.match(await map(), /^same\.test 127\.0\.0\.2:8080$/m);
  await disconnectRoute(node, one, 'same.test');
});

t.test("what a crash left between the gear's file and the map ends right when done again", async (t) => {
  await writeFile(path.join(base, 'routes', 'two'), 'two-demo.example.com\n');
  await connectRoute(node, two, 'two-demo.example.com', '127.0.0.2:8080');
  await connectRoute(node, two, 'www.two.test', '127.0.0.2:8080');
  t.same(gearRoutes(node, two), ['two-demo.example.com', 'www.two.test']);
  await node.routes.remove('two-demo.example.com');
  await disconnectAll(node, two);
  await disconnectAll(node, two);
  t.same(gearRoutes(node, two), []);
  t.equal(await map(), 'phpapp-demo.example.com 127.0.253.130:8080\n');
});

t.test('after the last name nothing of the gear is left', async (t) => {
  await disconnectAll(node, one);
  t.equal(await map(), '');
  t.same((await readdir(path.join(base, 'routes'))).sort(), ['gears.map']);
});

t.test('a name that is no host name is refused', async (t) => {
  t.equal(routeName('A.Example.COM.'), 'a.example.com');
  await mkdir(path.join(base, 'x'));
  for (const bad of [
    '',
    '.',
    'a b',
    'a\n',
    '-a.com',
    'a-.com',
    'a..com',
    '127.0.0.1',
    'ä.com',
    'a_b.com',
    `${'a'.repeat(64)}.com`,
    'a/b',
    'a.com:80',
  ]) {
    t.throws(() => routeName(bad), { code: 'ERR_BAD_ROUTE', message: /host name/ }, JSON.stringify(bad));
  }
  await t.rejects(connectRoute(node, one, 'a.com', 'evil:80'), { code: 'ERR_BAD_ROUTE' });
  await t.rejects(connectRoute(node, one, 'a.com', '127.0.0.1:80 x'), { code: 'ERR_BAD_ROUTE' });
});
