/**
 * One application over two nodes that are hosts of their own, joined by a cable: what a visitor gets while it changes,
 * what happens when the distribution of a push breaks, and what is left of it in the end (nothing).
 */
import t from 'tap';
import { fileURLToPath } from 'node:url';
import { must } from '../../demo/node-host.js';
import { differences } from '../../hosts/dump.js';
import type { Host } from '../../hosts/host.js';
import { diskFull, sshdKilledInTheMiddle, sshdStopped } from './broken.js';
import { startTwoNodes } from './nodes.js';
import { Scene } from './scene.js';
import { underLoad } from './under-load.js';

t.setTimeout(14 * 60_000);
const MINUTES = 60_000;
const nodes = await startTwoNodes();
t.teardown(() => nodes.stop());
const program = fileURLToPath(new URL('host-state.js', import.meta.url));
const stateOf = async (host: Host): Promise<string> => (await must(host, [process.execPath, program])).stdout;
const hosts = [nodes.one, nodes.two];
const before = await Promise.all(hosts.map(stateOf));
const scene = await Scene.create(nodes);

t.test('a push to the head is served by the gears of both nodes', async (t) => {
  const [web] = scene.webGears;
  t.equal(scene.nodes.hostOf(scene.head), nodes.one);
  t.equal(web && scene.nodes.hostOf(web), nodes.two);
  const { completed, text } = await scene.push();
  t.same([...completed].sort(), [scene.head, web].map((gear) => gear?.uuid).sort(), text);
  const load = scene.load(2, { most: 100_000, seconds: 60 });
  const { seen } = await scene.allServe(load);
  t.same(
    Object.values(seen).map((versions) => Object.keys(versions)),
    [['v1'], ['v1']],
  );
  t.same((await load.stop()).failed, {});
});

t.test("PHP on the other node reads what was written to the database's node", async (t) => {
  await scene.addDatabase();
  const [web] = scene.webGears;
  const database = scene.app.gears.find(({ kind }) => kind === 'database');
  t.equal(database && nodes.hostOf(database), nodes.one);
  const wrote = await scene.pageOf(scene.head, '/row.php?write=hello');
  t.equal(wrote, `hello ${scene.head.uuid}\n`);
  t.equal(await scene.pageOf(web!, '/row.php'), `hello ${web!.uuid}\n`);
});

t.test('nobody notices while gears come and go and code is pushed', { timeout: 10 * MINUTES }, (t) =>
  underLoad(t, scene),
);

t.test('a gear more, so that the application is served while one is broken', async () => {
  await scene.scaleUp('one');
});

t.test("a push does not reach a gear whose node's SSH server is stopped", { timeout: 4 * MINUTES }, (t) =>
  sshdStopped(t, scene),
);

t.test('the SSH server ends while a gear has just got the new code', { timeout: 4 * MINUTES }, (t) =>
  sshdKilledInTheMiddle(t, scene),
);

t.test('a push does not fit on the disk of a gear', { timeout: 4 * MINUTES }, (t) => diskFull(t, scene));

t.test('from one gear to eight and back to one', { timeout: 8 * MINUTES }, async (t) => {
  while (scene.webGears.length > 0) await scene.scaleDown();
  const load = scene.load(2, { most: 1_000_000, seconds: 400 });
  await scene.allServe(load);
  for (let count = 2; count <= 8; count += 1) await scene.scaleUp(count % 2 === 0 ? 'two' : 'one');
  t.equal(scene.webGears.filter((gear) => nodes.hostOf(gear) === nodes.two).length, 4);
  await scene.allServe(load);
  t.pass('each of the eight that is in service gets requests');
  while (scene.webGears.length > 0) await scene.scaleDown();
  await scene.allServe(load);
  const report = await load.stop();
  t.same(report.failed, {}, report.failures.join('\n'));
  t.same(scene.deployed.stale(report), []);
});

t.test('after the destroy both hosts are as before the first request', async (t) => {
  await nodes.broker.destroyApplication(scene.app);
  const after = await Promise.all(hosts.map(stateOf));
  for (const [n, host] of hosts.entries()) {
    t.same(differences(before[n] ?? '', after[n] ?? ''), [], host.info.hostname);
  }
});
