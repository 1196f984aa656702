/**
 * The autoscaler in a real gear: a real HAProxy before PHP, requests that really wait, a broker that is really asked.
 * Times are shortened by the variables a tenant has for them.
 */
import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { aliasCartridge, installCartridge } from '../../src/cartridge/repository.js';
import { executeInGear } from '../../src/gear/execute.js';
import { groupPath } from '../../src/gear/limits.js';
import { processes } from '../../src/host/cgroup.js';
import { addBrokerAuth } from '../../src/operations/broker-auth.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { addVariable } from '../../src/operations/variables.js';
import { act, cartridgeNode, emptyGear, repository, uuid } from './cartridge-node.js';
import { RecordingBroker } from './recording-broker.js';

const FLAP = 8;
const broker = await new RecordingBroker().open();
const node = await cartridgeNode();
await installCartridge(node, `${repository}cartridges/haproxy`);
await aliasCartridge(node, 'haproxy-1.4=haproxy-2.6');
writeFileSync(
  '/etc/openshift/env/OPENSHIFT_CARTRIDGE_SDK_BASH',
  `${node.config.libexecDir}/cartridges/sdk/bash/sdk`,
);
const gear = await emptyGear(node);
const log = `${gear.home}/app-root/logs/haproxy-1.4-scale_events.log`;
const proxy = '127.0.253.130';
const secrets = [broker.auth.token, broker.auth.iv].flatMap((text) =>
  text.split('\n').filter((line) => line.length > 3),
);

for (const [name, value] of Object.entries({
  OPENSHIFT_BROKER_URL: broker.url,
  OPENSHIFT_MAX_SESSIONS_PER_GEAR: '4',
  OPENSHIFT_HAPROXY_SCALE_POLL_SECONDS: '1',
  OPENSHIFT_HAPROXY_SCALE_SAMPLES: '3',
  OPENSHIFT_HAPROXY_SCALE_REMOVE_POLLS: '4',
  OPENSHIFT_HAPROXY_SCALE_FLAP_SECONDS: String(FLAP),
  OPENSHIFT_HAPROXY_SCALE_LIMITS_SECONDS: '1',
  OPENSHIFT_HAPROXY_SCALE_LOG_SECONDS: '1',
  OPENSHIFT_HAPROXY_BROKER_SECONDS: '3',
}))
  await addVariable(node, { uuid, name, value });

/** As the gear, with the environment of its cartridges: what a person does over SSH. */
async function inGear(script: string, keep = false): Promise<{ text: string; exitCode: number | undefined }> {
  const { stdout, stderr, exitCode } = await executeInGear(node, gear, {
    file: '/bin/bash',
    argv: ['bash', '-c', script],
    keep,
  });
  return { text: stdout.toString() + stderr.toString(), exitCode };
}

const ctld = (words: string): Promise<{ text: string; exitCode: number | undefined }> =>
  inGear(`haproxy-1.4/bin/haproxy_ctld ${words}`);

const commandLine = (pid: number): string[] => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
};

/** The autoscalers of the gear; a subshell that is about to become something else is its child and is not counted. */
function autoscalers(): number[] {
  const all = processes(node.cgroups, groupPath(node, uuid)).filter((pid) =>
    commandLine(pid).some((word) => word.endsWith('/haproxy_ctld')),
  );
  const parent = (pid: number): number => {
    try {
      return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    } catch {
      return all[0] ?? 0; // it has ended: not one that runs
    }
  };
  return all.filter((pid) => !all.includes(parent(pid)));
}

async function oneAutoscaler(): Promise<number> {
  const started = (): boolean =>
    autoscalers().length === 1 && events().some((line) => line.includes('starts'));
  for (let tries = 0; tries < 100 && !started(); tries += 1) await sleep(20);
  const [pid, ...more] = autoscalers();
  if (pid === undefined || more.length > 0) throw new Error(`autoscalers: ${autoscalers().join(' ')}`);
  return pid;
}

const lines = (): string[] => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : []);
const events = (): string[] => lines().filter((line) => !line.includes('GEAR_INFO'));

/** Requests that wait until the function that is handed back is called. */
function hold(count: number, path = '/hold.php'): () => Promise<number[]> {
  const release = `${gear.home}/app-root/data/release`;
  rmSync(release, { force: true });
  const answers = Array.from(
    { length: count },
    () =>
      new Promise<number>((resolve) => {
        const asked = request({ host: proxy, port: 8080, path, agent: false }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        });
        asked.on('error', () => resolve(0));
        asked.end();
      }),
  );
  return async () => {
    writeFileSync(release, '');
    return Promise.all(answers);
  };
}

/** A second gear, as far as the proxy can tell: announced by the broker, its code brought up to date. */
async function secondGear(there: boolean): Promise<void> {
  const lists = there
    ? `echo 'f00d second 127.0.253.129:8080' > conf/proxy.db; echo 'f00d@127.0.253.129:php-5.3;second' > conf/gear-registry.db`
    : `: > conf/proxy.db; : > conf/gear-registry.db`;
  const { text, exitCode } = await inGear(`cd haproxy-1.4 && { ${lists}; } && bin/control cond-reload`, true);
  if (exitCode !== 0) throw new Error(text);
}

/** All that was told and asked so far is over; the protection too. */
async function calm(): Promise<void> {
  await act(node, 'haproxy-1.4', 'stop');
  await inGear('rm -f haproxy-1.4/run/scaling');
  rmSync(log, { force: true });
  broker.asked.length = 0;
  broker.instead = [];
  broker.limits = { from: 1, to: -1 };
  await act(node, 'haproxy-1.4', 'start');
}

await t.test('it starts with the proxy, once, and is light', async (t) => {
  t.equal((await act(node, 'php-5.3', 'configure')).exitCode, 0);
  await inGear(
    `echo '<?php while (!file_exists("${gear.home}/app-root/data/release")) { usleep(50000); clearstatcache(); }' > app-root/runtime/repo/hold.php`,
  );
  const { exitCode, output } = await act(node, 'haproxy-1.4', 'configure');
  t.equal(exitCode, 0, output);
  const pid = await oneAutoscaler();
  await addBrokerAuth(node, { uuid, ...broker.auth });
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

await t.test('a broker that is not there: one line, and the next try after the protection', async (t) => {
  await calm();
  await broker.close();
  const release = hold(4);
  const failures = (): string[] => events().filter((line) => line.includes('ERROR'));
  for (let tries = 0; tries < 200 && failures().length === 0; tries += 1) await sleep(100);
  t.same(
    failures().map((line) => line.replace(/^\S+ /, '')),
    [
      'ERROR - the limits of this application could not be had, nothing is asked for: the broker takes no connection',
    ],
  );
  await broker.open();
  await sleep(3000);
  t.equal(broker.asked.length, 0, 'a failed request is protected too');
  await broker.until(1, FLAP + 6);
  t.same(broker.events, ['scale-up']);
  await release();
});

await t.test('answers nobody expects change nothing', async (t) => {
  await calm();
  await act(node, 'haproxy-1.4', 'stop');
  const json = (status: number, body: unknown) => ({ status, body: JSON.stringify(body) });
  const text = `Gear limit of 3 reached ${secrets.join(' ')} \u001b[31m${'x'.repeat(20)} ${'very '.repeat(200)}`;
  const cases = [
    ['401', [json(401, {})], /does not accept the key of this gear \(401\)/, 1],
    ['404', [json(404, {})], /does not know this application \(404\)/, 1],
    [
      '422',
      [json(422, { messages: [{ severity: 'error', text }] })],
      /answered 422: Gear limit of 3 reached/,
      1,
    ],
    ['500', [json(500, {})], /the broker answered 500/, 1],
    [
      'HTML',
      [{ status: 200, type: 'text/html', body: '<html>Log in</html>' }],
      /answered 200, but not in JSON/,
      1,
    ],
    ['JSON of another kind', [{ status: 200, body: '"yes"' }], /answered 200, but not in JSON/, 1],
    ['nothing', [{ status: 200, body: '' }], /answered 200, but not in JSON/, 1],
    ['1 MB', [json(200, { data: 'x'.repeat(1_048_576) })], /answer is larger than 256 KiB/, 1],
    [
      'a redirect',
      [{ ...json(302, {}), location: `${broker.url}/steal` }],
      /a redirect \(302\), which is not followed/,
      1,
    ],
    ['silence', ['silence'], /did not answer within 3 seconds/, 1],
    ['a hang-up', ['hang up'], /no answer from the broker/, 1],
    ['too busy', [json(503, {})], /the broker answered 503/, 3],
  ] as const;
  for (const [name, answers, reason, requests] of cases) {
    broker.asked.length = 0;
    broker.instead = [...answers];
    rmSync(log, { force: true });
    const { text, exitCode } = await ctld('--up');
    t.equal(exitCode, 1, name);
    t.match(text, reason, name);
    t.equal(broker.asked.length, requests, `${name}: an event that may have been received is not sent again`);
    t.equal(lines().length, 2, name);
    t.match(lines()[1], reason, name);
    t.ok(
      lines().every((line) => /^[ -~]{1,700}$/.test(line)),
      name,
    );
    for (const secret of secrets)
      t.notOk((text + lines().join()).includes(secret), `${name}: no key is told`);
  }
  broker.asked.length = 0;
  broker.instead = [json(503, {}), json(200, {})];
  t.same(await ctld('--down'), { text: 'The broker granted scale-down.\n', exitCode: 0 }, 'busy, then not');
  t.same(broker.events, ['scale-down', 'scale-down']);
});

await t.test('by hand', async (t) => {
  await calm();
  t.same(await ctld('--up'), { text: 'The broker granted scale-up.\n', exitCode: 0 });
  t.same(await ctld('-d'), { text: 'The broker granted scale-down.\n', exitCode: 0 });
  t.same(broker.events, ['scale-up', 'scale-down']);
  for (const words of ['', '--what', '--up --down', 'up']) t.equal((await ctld(words)).exitCode, 255, words);
  t.match(await ctld('--auto'), { text: /already runs/, exitCode: 0 });
  const { text } = await inGear('timeout 3 haproxy-1.4/bin/haproxy_ctld --debug');
  t.ok((text.match(/GEAR_INFO - capacity: /g) ?? []).length >= 2, text);
  t.equal(broker.asked.length, 2, '--debug alone asks for nothing');
  await inGear('rm -f .auth/token');
  const away = await inGear(
    'OPENSHIFT_HOMEDIR=$OPENSHIFT_DATA_DIR haproxy-1.4/bin/haproxy_ctld --up; OPENSHIFT_BROKER_URL="http://x\\"; echo" haproxy-1.4/bin/haproxy_ctld --up',
  );
  t.match(away.text, /has given this gear no key[^]*is no http or https address/);
});

await t.test('the key is in no process and no URL while the broker is slow', async (t) => {
  broker.instead = ['silence'];
  broker.asked.length = 0;
  const asked = ctld('--up');
  for (let tries = 0; tries < 200 && broker.asked.length === 0; tries += 1) await sleep(20);
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  t.ok(pids.some((pid) => commandLine(Number(pid))[0] === 'curl'));
  for (const pid of pids) {
    for (const file of ['cmdline', 'environ']) {
      let content = '';
      try {
        content = readFileSync(`/proc/${pid}/${file}`, 'utf8');
      } catch {
        continue; // it has ended
      }
      if (secrets.some((secret) => content.includes(secret))) t.fail(`/proc/${pid}/${file}`);
    }
  }
  t.equal((await asked).exitCode, 1);
  t.notOk(broker.asked.some(({ url }) => url.includes('?')));
});

await t.test('stopped while the broker is slow it ends at once, and curl with it', async (t) => {
  await calm();
  broker.instead = ['silence'];
  const release = hold(4);
  for (let tries = 0; tries < 300 && broker.asked.length === 0; tries += 1) await sleep(50);
  const before = Date.now();
  await inGear('cd haproxy-1.4 && source lib/autoscaler && stop_autoscaler');
  t.ok(Date.now() - before < 2000);
  t.same(autoscalers(), []);
  await sleep(100);
  t.notOk(processes(node.cgroups, groupPath(node, uuid)).some((pid) => commandLine(pid)[0] === 'curl'));
  await release();
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
