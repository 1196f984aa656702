/** The autoscaler in a gear: one and light, how it decides under real load, its limits, its marker, its end. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { destroyGear } from '../../src/operations/destroy.js';
import { act, uuid } from './cartridge-node.js';
import {
  FLAP,
  autoscalers,
  broker,
  calm,
  commandLine,
  configure,
  ctld,
  events,
  gear,
  hold,
  inGear,
  lines,
  log,
  node,
  oneAutoscaler,
  secondGear,
} from './autoscaled-gear.js';

await t.test('it starts with the proxy, once, and is light', async (t) => {
  await configure();
  const pid = await oneAutoscaler();
  for (const action of ['start', 'reload', 'cond-reload', 'start']) await act(node, 'haproxy-1.4', action);
  await sleep(300);
  t.equal(await oneAutoscaler(), pid, 'neither a reload nor a second start makes another');
  const pages = (): number =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  t.ok(pages() < 8192, `${pages()} kB`);
  const ticks = (): number =>
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .split(') ')[1]!
      .split(' ')
      .slice(11, 15)
      .reduce((sum, part) => sum + Number(part), 0);
  const before = ticks();
  await sleep(6000);
  t.ok(
    ticks() - before <= 6,
    `6 polls took ${(ticks() - before) * 10} ms of processor time, children included`,
  );
  t.same(broker.asked, [], 'at rest nobody is asked');
  t.match(
    lines().at(-1),
    /GEAR_INFO - capacity: 0\.0% gear_count: 1 sessions: 0 up\/remove_thresh: 90\.0%\/1\.0% sec_left_til_remove: 0 gear_remove_thresh: 0\/4$/,
  );
  t.ok(lines().length <= 4, 'what does not change is not said again');
});

await t.test('killed it is started again; two starts at once make one', async (t) => {
  const pid = await oneAutoscaler();
  process.kill(pid, 'SIGKILL');
  await sleep(100);
  t.same(autoscalers(), []);
  await inGear('haproxy-1.4/bin/control start & haproxy-1.4/bin/control start & wait', true);
  await sleep(300);
  t.not(await oneAutoscaler(), pid);
  await act(node, 'haproxy-1.4', 'stop');
  t.same(autoscalers(), [], 'it ends with the proxy');
  for (let round = 0; round < 5; round += 1) {
    await inGear('cd haproxy-1.4 && source lib/autoscaler && start_autoscaler && stop_autoscaler', true);
    t.same(autoscalers(), [], 'also one that was only just started');
  }
});

await t.test('at 90 % it asks for one gear, and not again within the protection', async (t) => {
  await calm();
  const release = hold(4);
  await broker.until(1, 12);
  t.same(broker.events, ['scale-up']);
  t.same(
    broker.asked.map(({ method, url }) => `${method} ${url}`),
    [
      'GET /broker/rest/domain/demo/application/phpapp/cartridge/php-5.3',
      'POST /broker/rest/domain/demo/application/phpapp/events',
    ],
  );
  for (const { agent, fields } of broker.asked) {
    t.equal(agent, 'OpenShift');
    t.equal(fields.get('broker_auth_key'), broker.auth.token, 'byte for byte');
    t.equal(fields.get('broker_auth_iv'), broker.auth.iv);
  }
  t.equal(readFileSync(`${gear.home}/app-root/data/scale_limits.txt`, 'utf8'), 'scale_min=1\nscale_max=-1\n');
  await sleep((FLAP - 3) * 1000);
  t.same(broker.events, ['scale-up'], 'the gear that was granted is awaited');

  await secondGear(true);
  t.same(await release(), [200, 200, 200, 200]);
  const granted = broker.asked.at(-1)?.at ?? 0;
  await broker.until(2, FLAP + 12);
  t.same(broker.events, ['scale-up', 'scale-down'], 'two gears and nothing to do');
  const passed = (broker.asked.at(-1)?.at ?? 0) - granted;
  t.ok(passed >= (FLAP - 1) * 1000, `down ${passed} ms after up`);
  t.match(lines().join('\n'), /gear_count: 2 sessions: 0 .* gear_remove_thresh: 4\/4$/m);
  await sleep(3000);
  t.equal(broker.events.length, 2);
  await secondGear(false);
});

await t.test('the limits of the broker are kept', async (t) => {
  await calm();
  broker.limits = { from: 1, to: 1 };
  const release = hold(6);
  await sleep(9000);
  t.same(broker.events, []);
  t.equal(
    events().filter((line) => line.endsWith('no scale-up with 1 gears: the limits are 1 to 1')).length,
    1,
  );
  await release();
  await calm();
  broker.limits = { from: 2, to: -1 };
  await secondGear(true);
  await sleep(10_000);
  t.same(broker.events, []);
  t.equal(
    events().filter((line) => line.endsWith('no scale-down with 2 gears: the limits are 2 to -1')).length,
    1,
  );
  await secondGear(false);
});

await t.test('a proxy with all its connections in use still tells', async (t) => {
  await calm();
  broker.limits = { from: 1, to: 1 };
  const release = hold(300);
  await sleep(3000);
  const { text } = await inGear('timeout 3 haproxy-1.4/bin/haproxy_ctld --debug');
  t.match(text, /capacity: \d{4}\.\d%/);
  await act(node, 'php-5.3', 'stop');
  await release();
  await act(node, 'php-5.3', 'start');
});

await t.test('the marker', async (t) => {
  await calm();
  await oneAutoscaler();
  await inGear(
    'mkdir -p app-root/runtime/repo/.openshift/markers; touch app-root/runtime/repo/.openshift/markers/disable_auto_scaling',
  );
  for (let tries = 0; tries < 60 && autoscalers().length > 0; tries += 1) await sleep(50);
  t.same(autoscalers(), []);
  t.match(events().at(-2), /marker disable_auto_scaling$/);
  await act(node, 'haproxy-1.4', 'restart');
  await act(node, 'haproxy-1.4', 'start');
  await sleep(500);
  t.same(autoscalers(), []);
  t.match((await ctld('--auto')).text, /nothing was started/);
  await inGear('rm app-root/runtime/repo/.openshift/markers/disable_auto_scaling');
  await act(node, 'haproxy-1.4', 'start');
  await oneAutoscaler();
});

await t.test('settings that are none, a full log, and a gear that is not the head', async (t) => {
  await calm();
  await act(node, 'haproxy-1.4', 'stop');
  appendFileSync(log, 'x'.repeat(1_048_577));
  const { text } = await inGear(
    'OPENSHIFT_MAX_SESSIONS_PER_GEAR="a[\\$(touch app-root/data/owned)]" timeout 1 haproxy-1.4/bin/haproxy_ctld --debug',
  );
  t.match(text, /OPENSHIFT_MAX_SESSIONS_PER_GEAR is a whole number from 1 to 100000: 16 is used instead/);
  t.notOk(existsSync(`${gear.home}/app-root/data/owned`));
  t.ok(readFileSync(`${log}.1`, 'utf8').endsWith('x'), 'what was there is in the file before');
  t.ok(lines().length > 0);
  await inGear('OPENSHIFT_GEAR_DNS=other-demo.example.com haproxy-1.4/bin/control start', true);
  await sleep(300);
  t.same(autoscalers(), []);
});

await t.test('it ends with the gear', async (t) => {
  await act(node, 'haproxy-1.4', 'start');
  const pid = await oneAutoscaler();
  const { exitCode } = await destroyGear(node, { uuid });
  t.equal(exitCode, 0);
  t.same(commandLine(pid), []);
  t.notOk(existsSync(gear.home));
});

await broker.close();
