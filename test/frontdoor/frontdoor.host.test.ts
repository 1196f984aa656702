// Runs inside a disposable host: the node's own HAProxy on port 80, gears with servers of their own behind it, through
// creation, WebSocket, reload, kill and destroy.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { launchInGear } from '../../src/gear/execute.js';
import { openGear, type Gear } from '../../src/gear/gear.js';
import { killGear } from '../../src/gear/limits.js';
import { loopbackAddress } from '../../src/gear/identity.js';
import { connectRoute, connectRoutes, gearRoutes } from '../../src/gear/routes.js';
import { haproxyCommand } from '../../src/host/haproxy-socket.js';
import { openNode, type Node } from '../../src/node/node.js';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { recover } from '../../src/operations/recover.js';
import { webSocket } from './web-socket.js';
import { requireHost } from '../hosts/inside.js';

requireHost();
const repository = fileURLToPath(new URL('../../../', import.meta.url));
const setUp = (): Buffer =>
  execFileSync(`${repository}dist/bin/oo-admin-node-setup`, [
    '--public-hostname',
    'broker.test.example.com',
    '--cloud-domain',
    'test.example.com',
    '--min-uid',
    '507',
    '--start',
  ]);
setUp();
const node: Node = await openNode();
const PORT = 8080;

async function gear(name: string): Promise<Gear> {
  const uuid = `${name}0123456789abcdef`;
  await createGear(node, { uuid, appUuid: uuid, appName: name, name, namespace: 'demo' });
  return openGear(node, uuid);
}
/** Starts the server inside the gear, on the gear's own address, and gives its route. */
async function serve(one: Gear): Promise<string> {
  const address = loopbackAddress(one.uid, 1);
  let up = (): void => {};
  const listening = new Promise<void>((resolve) => (up = resolve));
  await launchInGear(node, one, {
    file: process.execPath,
    argv: ['node', `${one.home}/app-root/data/server.mjs`, address, String(PORT), one.appName],
    onOutput: () => up(),
  });
  await listening;
  return `${address}:${PORT}`;
}
interface Answer {
  status: number;
  text: string;
}
const get = (host: string, headers: Record<string, string> = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: 80, headers: { ...headers, host }, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
const map = (): string => readFileSync(node.paths.routesMap, 'utf8');
const memory = async (): Promise<string> =>
  (await haproxyCommand(node.paths.haproxySocket, `show map ${node.paths.routesMap}`))
    .split('\n')
    .map((line) => line.replace(/^0x\S+ /, ''))
    .filter(Boolean)
    .sort()
    .join('\n');
const sorted = (text: string): string => text.split('\n').filter(Boolean).sort().join('\n');
const master = (): number => Number(readFileSync('/run/openshift/haproxy.pid', 'utf8').trim());

const one = await gear('one');
const two = await gear('two');
for (const each of [one, two]) {
  execFileSync('install', [
    '-m',
    '644',
    `${repository}test/frontdoor/gear-server.mjs`,
    `${each.home}/app-root/data/server.mjs`,
  ]);
}
const targets = { one: await serve(one), two: await serve(two) };

t.test('gears are reached by their names as soon as they are connected, each one its own', async (t) => {
  t.equal((await get(one.dns)).status, 404);
  const before = master();
  t.equal(await connectRoute(node, one, one.dns, targets.one), 'running');
  t.equal(await connectRoutes(node, two, [two.dns, 'www.two.test'], targets.two), 'running');
  t.match(JSON.parse((await get(one.dns)).text), { name: 'one', uid: one.uid });
  t.match(JSON.parse((await get('WWW.Two.Test.:80')).text), { name: 'two', uid: two.uid });
  t.equal(master(), before, 'nothing was started or reloaded for it');
  t.equal(sorted(map()), await memory());
});

t.test('the application learns who asked from the front door alone', async (t) => {
  const { text } = await get(one.dns, {
    'x-forwarded-for': '10.1.2.3',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.test',
    'x-forwarded-port': '1',
  });
  const { headers } = JSON.parse(text) as { headers: Record<string, string> };
  t.match(headers, {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': one.dns,
    host: one.dns,
  });
  t.notOk('x-forwarded-port' in headers);
});

t.test(
  'a WebSocket reaches the gear and stays while routes of others change and HAProxy reloads',
  async (t) => {
    const say = await webSocket(t, one.dns);
    t.equal(await say('hello'), 'say hello');
    for (let n = 0; n < 20; n += 1) await connectRoute(node, two, `name-${n}.two.test`, targets.two);
    t.equal(await say('again'), 'say again');
    process.kill(master(), 'SIGUSR2');
    await sleep(1000);
    t.equal(await say('still'), 'say still');
  },
);

t.test(
  'while HAProxy reloads again and again no request fails and no change of a route is lost',
  async (t) => {
    let asked = 0;
    const failed: unknown[] = [];
    let going = true;
    const client = (async () => {
      while (going) {
        const answer = await get(one.dns).catch((error: unknown) => error);
        asked += 1;
        if ((answer as Answer).status !== 200) failed.push(answer);
      }
    })();
    for (let round = 0; round < 5; round += 1) {
      process.kill(master(), 'SIGUSR2');
      for (let n = 0; n < 10; n += 1) {
        await connectRoute(node, two, `reload-${round}-${n}.two.test`, targets.two);
        await sleep(20);
      }
      await sleep(200);
    }
    going = false;
    await client;
    t.same(failed, []);
    t.ok(asked > 20, `${asked} requests`);
    await recover(node);
    t.equal(await memory(), sorted(map()));
  },
);

t.test(
  'HAProxy is killed: creating and destroying go on, and its next start knows what became of them',
  async (t) => {
    const workers = readFileSync(`/proc/${master()}/task/${master()}/children`, 'utf8').trim().split(' ');
    for (const pid of [master(), ...workers.map(Number)]) process.kill(pid, 'SIGKILL');
    while (
      await memory().then(
        () => true,
        () => false,
      )
    )
      await sleep(20);
    const three = await gear('three');
    t.equal(await connectRoute(node, three, three.dns, targets.one), 'file');
    await destroyGear(node, { uuid: two.uuid });
    t.notMatch(map(), /two/);
    setUp();
    t.match(JSON.parse((await get(one.dns)).text), { name: 'one' });
    t.match(JSON.parse((await get(three.dns)).text), { name: 'one' });
    t.equal((await get(two.dns)).status, 404);
    t.equal(await memory(), sorted(map()));
    await destroyGear(node, { uuid: three.uuid });
  },
);

t.test('a stopped application answers with the own 503, a destroyed one with the own 404', async (t) => {
  await killGear(node, one.uuid);
  const down = await get(one.dns);
  t.equal(down.status, 503);
  t.match(down.text, /Application not available/);
  await destroyGear(node, { uuid: one.uuid });
  const gone = await get(one.dns);
  t.equal(gone.status, 404);
  t.match(gone.text, /No such application/);
  t.equal(map(), '');
  t.equal(await memory(), '');
  t.same(gearRoutes(node, one), []);
  t.notOk(existsSync(`${node.paths.routes}/${one.uuid}`));
});
