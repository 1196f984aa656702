/** The autoscaler and its broker: what is asked and how, every bad answer, and where the gear's key is never seen. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { groupPath } from '../../src/gear/limits.js';
import { processes } from '../../src/host/cgroup.js';
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
  hold,
  inGear,
  lines,
  log,
  node,
  secrets,
} from './autoscaled-gear.js';

await configure();

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
  const away = await inGear(
    'OPENSHIFT_HOMEDIR=$OPENSHIFT_DATA_DIR haproxy-1.4/bin/haproxy_ctld --up; OPENSHIFT_BROKER_URL="http://x\\"; echo" haproxy-1.4/bin/haproxy_ctld --up',
  );
  t.match(away.text, /has given this gear no key[^]*is no http or https address/);
});

await t.test('over TLS, only to a broker whose certificate is trusted', async (t) => {
  const certificate = '/etc/ssl/broker.pem';
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', '/root/broker.key', '-out', certificate],
    ],
    { stdio: 'ignore' },
  );
  const heard: string[] = [];
  const options = { key: readFileSync('/root/broker.key'), cert: readFileSync(certificate) };
  const secure = createServer(options, (request, response) => {
    heard.push(`${request.method} ${request.url}`);
    response.setHeader('content-type', 'application/json');
    request.resume().on('end', () => response.end('{"status":"ok"}'));
  });
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  const { port } = secure.address() as AddressInfo;
  const up = (more: string) =>
    inGear(
      `${more} OPENSHIFT_BROKER_URL= OPENSHIFT_BROKER_HOST=localhost:${port} haproxy-1.4/bin/haproxy_ctld --up`,
    );
  const refused = await up('OPENSHIFT_HAPROXY_BROKER_TRIES=1');
  t.match(refused, { text: /no trusted TLS connection to the broker \(curl 60\)/, exitCode: 1 });
  t.same(heard, []);
  t.match(await up(`OPENSHIFT_BROKER_CA_FILE=${certificate}`), { exitCode: 0 });
  t.same(heard, ['POST /broker/rest/domain/demo/application/phpapp/events']);
  secure.close();
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

await broker.close();
