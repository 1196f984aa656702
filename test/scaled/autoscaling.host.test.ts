/**
 * The whole circle: visitors make a gear too busy, its autoscaler asks the broker over HTTP, the broker makes a gear by
 * the requests of the contract, and it takes its part; then they leave, and it goes. No visitor notices anything.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openNode } from '../../src/node/node.js';
import { RecordingBroker } from '../cartridge/recording-broker.js';
import { fetchPage, publicKey, seedNode, ssh } from '../seed/seed-node.js';
import { Broker } from './broker/broker.js';
import { inProcess } from './broker/node.js';

t.setTimeout(240_000);

const FLAP = 15;
const rest = await new RecordingBroker('shop').open();
await seedNode(['--public-ip=192.168.59.144']);
for (const [name, value] of Object.entries({
  OPENSHIFT_BROKER_URL: rest.url,
  OPENSHIFT_MAX_SESSIONS_PER_GEAR: '4',
  OPENSHIFT_HAPROXY_SCALE_POLL_SECONDS: '1',
  OPENSHIFT_HAPROXY_SCALE_SAMPLES: '4',
  OPENSHIFT_HAPROXY_SCALE_REMOVE_POLLS: '5',
  OPENSHIFT_HAPROXY_SCALE_FLAP_SECONDS: String(FLAP),
  OPENSHIFT_HAPROXY_SCALE_LOG_SECONDS: '5',
}))
  writeFileSync(`/etc/openshift/env/${name}`, value);

const [type, key] = publicKey();
const broker = new Broker([inProcess(await openNode())], {
  keys: [{ comment: 'pat', type, key }],
  brokerAuth: () => rest.auth,
});
const app = await broker.createApplication({ name: 'shop', namespace: 'demo', gears: 1 });
const log = (): Promise<string> => ssh(app.uuid, 'cat app-root/logs/haproxy-1.4-scale_events.log');
rest.carryOut = (event) => (event === 'scale-up' ? broker.scaleUp(app) : broker.scaleDown(app));
await ssh(
  app.uuid,
  `echo '<?php usleep(500000); echo getenv("OPENSHIFT_GEAR_NAME");' > app-root/runtime/repo/busy.php`,
);

/** Visitors, one request after another each, until there are fewer of them. */
let visitors = 0;
const seen = new Map<string, number>();
async function visitor(number: number): Promise<void> {
  while (number < visitors) {
    const { status, body } = await fetchPage('shop-demo.test.example.com', '/busy.php');
    const what = status === 200 ? body : `${status} ${body}`;
    seen.set(what, (seen.get(what) ?? 0) + 1);
  }
}

await t.test('seven visitors of half a second each are too many for one gear, and not for two', async (t) => {
  visitors = 7;
  const running = Promise.all(Array.from({ length: 7 }, (_, n) => visitor(n)));
  await rest.until(1, 30);
  t.same(rest.events, ['scale-up']);
  while (app.gears.length < 2 || rest.asked.length < 2) await sleep(100);
  await sleep(10_000);
  seen.clear();
  await sleep(10_000);
  t.same([...seen.keys()].sort(), app.gears.map(({ name }) => name).sort(), 'both answer');
  t.same(rest.events, ['scale-up'], 'that was enough');
  t.match(await log(), /scale-up was granted[^]*gear_count: 2/);

  visitors = 1;
  await rest.until(2, FLAP + 40);
  t.same(rest.events, ['scale-up', 'scale-down'], 'one gear is enough for one visitor');
  while (app.gears.length > 1) await sleep(100);
  await sleep(8000);
  visitors = 0;
  await running;
  const strange = [...seen.keys()].filter((what) => !/^(shop|[0-9a-f]{10})$/.test(what));
  t.same(strange, [], 'no request failed');
  t.same(rest.events.length, 2, 'and nothing more is asked for');
});

await t.test('a broker that refuses is told once, and the application stays as it is', async (t) => {
  rest.instead = [
    { status: 422, body: '{"status":"unprocessable_entity","messages":[{"text":"You are at your limit."}]}' },
  ];
  await t.rejects(ssh(app.uuid, 'haproxy-1.4/bin/haproxy_ctld --up'), /422: You are at your limit\./);
  t.equal(app.gears.length, 1);
  rest.instead = [];
});

await t.test('by hand, as a person over SSH', async (t) => {
  t.equal(await ssh(app.uuid, 'haproxy-1.4/bin/haproxy_ctld --up'), 'The broker granted scale-up.\n');
  t.equal(app.gears.length, 2);
  t.equal(await ssh(app.uuid, 'haproxy-1.4/bin/haproxy_ctld --down'), 'The broker granted scale-down.\n');
  t.equal(app.gears.length, 1);
});

await broker.destroyApplication(app);
await rest.close();
