/**
 * The haproxy cartridge in a head gear, with the real HAProxy in the real confinement: what configure says and changes,
 * which gears take traffic, what set-proxy makes of what it is sent, and how the gear gets on without it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { executeInGear } from '../../src/gear/execute.js';
import { gearRoutes } from '../../src/gear/routes.js';
import { groupPath } from '../../src/gear/limits.js';
import { processes } from '../../src/host/cgroup.js';
import { startGear } from '../../src/operations/start.js';
import { gearStatus } from '../../src/operations/status.js';
import { stopGear } from '../../src/operations/stop.js';
import { fetchPage, run } from '../seed/seed-node.js';
import { repository } from './cartridge-node.js';
import { webSocket } from '../frontdoor/web-socket.js';
import {
  act,
  ADDRESS,
  asHead,
  HEAD,
  item,
  member,
  must,
  nowSynced,
  scaledHead,
  servers,
  setProxy,
} from './scaled-head.js';

t.setTimeout(300_000);

const scaled = await scaledHead();
const { node, head } = scaled;
const headArgs = { uuid: HEAD, name: 'sphpapp' };
const folder = `${head.home}/haproxy-1.4`;
const read = (path: string): string => readFileSync(`${folder}/${path}`, 'utf8');
const route = (): string | undefined => node.routes.get(head.dns);
const reloading =
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \d{4}: Conditionally reloading HAProxy service \n$/;

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = performance.now() + 15_000; !(await holds()); await sleep(50))
    if (performance.now() > end) throw new Error(`not within 15 s: ${what}`);
}

/** Who of the gear's processes is HAProxy. */
const haproxies = (): readonly number[] =>
  processes(node.cgroups, groupPath(node, HEAD)).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'haproxy';
    } catch {
      return false;
    }
  });

await t.test('configure: the lines, the addresses, the key, the name at the front door', async (t) => {
  t.equal(route(), '127.0.253.129:8080');
  const output = await must(act(node, 'embedded/haproxy-1.4', 'configure', headArgs));
  t.match(
    output,
    /^APP_SSH_KEY_ADD: haproxy AAAAB3NzaC1yc2E[A-Za-z0-9+/]{300,}={0,2}\nBROKER_AUTH_KEY_ADD: \nhttpd \(pid \d+\) already running\n$/,
  );
  t.equal(route(), '127.0.253.130:8080');
  t.same(gearRoutes(node, head), [head.dns]);
  for (const name of ['haproxy_id_rsa', 'haproxy_id_rsa.pub']) {
    const info = statSync(`${folder}/.ssh/${name}`);
    t.match({ uid: info.uid, mode: info.mode & 0o777 }, { uid: head.uid, mode: 0o600 });
  }
  const key = `${folder}/.ssh/haproxy_id_rsa`;
  t.equal((await asHead(scaled, 'printf %s "$OPENSHIFT_APP_SSH_KEY"')).output, key);
  t.equal(`${output.split(/[ \n]/)[2]}`, readFileSync(`${key}.pub`, 'utf8').split(' ')[1]);
  t.match(await fetchPage(head.dns), { status: 200, body: /Welcome to sphpapp/ });
});

await t.test('it runs as the gear, confined, small', async (t) => {
  const [pid] = haproxies();
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  t.match(status, new RegExp(`^Uid:\\t${head.uid}\\t${head.uid}\\t`, 'm'));
  t.match(status, /^NoNewPrivs:\t1$/m);
  t.match(status, /^Seccomp:\t2$/m);
  t.match(status, /^CapBnd:\t0+$/m);
  t.ok(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) < 30_000, 'less than 30 MB');
  const open = (await run('/bin/ls', ['-l', `/proc/${pid}/fd`])).split('\n');
  t.same(
    open.filter((line) => line.includes('.lock')),
    [],
    'it holds no lock',
  );
});

await t.test('the status page', async (t) => {
  const at = (host: string, path: string) => run('/usr/bin/curl', ['-sS', `http://${host}:8080${path}`]);
  t.match(await at('127.0.253.131', '/haproxy-status'), /<html>[^]*local-gear/);
  t.match(await at('127.0.253.131', '/haproxy-status;csv'), /^# pxname,svname,.*\n[^]*\nexpress,local-gear,/);
  t.match(await fetchPage(head.dns, '/haproxy-status/'), { status: 200, body: /local-gear/ });
  t.match((await fetchPage(head.dns, '/haproxy-status/;csv')).body, /^express,BACKEND,/m);
});

const one = await member(node, 'f81fb70064064a35a9a25169481d490b');
const two = await member(node, 'acc082fd449e4a2eaca2868149f76a67');
const name = (dns: string): string => `gear-${dns.split('.')[0]}`;

await t.test('a gear that is announced takes no traffic until its code has come', async (t) => {
  const before = haproxies()[0];
  const { code, output } = await setProxy(node, [one.item]);
  t.equal(code, 0);
  t.match(output, reloading);
  t.equal(read('conf/proxy.db'), `${one.gear.uuid} f81fb70064-demo ${ADDRESS}:35571\n`);
  t.match(await servers(scaled), { 'gear-f81fb70064-demo': 'MAINT', 'local-gear': /no check/ });
  await until('the process that was replaced has ended', () => haproxies().length === 1);
  t.not(haproxies()[0], before);
  await nowSynced(scaled, one);
  await until('up', async () => (await servers(scaled))[name(one.gear.dns)] === 'UP');
  const seen = new Set<string>();
  for (const { gear } of [one, two])
    await executeInGear(node, gear, {
      file: '/bin/bash',
      argv: [
        'bash',
        '-c',
        'echo "<?php echo getenv(\'OPENSHIFT_GEAR_UUID\');" >app-root/runtime/repo/who.php',
      ],
    });
  await asHead(
    scaled,
    'echo "<?php echo getenv(\'OPENSHIFT_GEAR_UUID\');" >../app-root/runtime/repo/who.php',
  );
  for (let n = 0; n < 20; n += 1) seen.add((await fetchPage(head.dns, '/who.php')).body);
  t.same([...seen].sort(), [HEAD, one.gear.uuid].sort());
  const same = haproxies();
  t.match((await setProxy(node, [one.item])).output, reloading);
  t.same(haproxies(), same, 'nothing has changed: the process goes on');
});

await t.test('with two others in service the own server is the reserve', async (t) => {
  await setProxy(node, [one.item, two.item]);
  await nowSynced(scaled, one, two);
  await until('up', async () => (await servers(scaled))[name(two.gear.dns)] === 'UP');
  const seen = new Set<string>();
  for (let n = 0; n < 20; n += 1) seen.add((await fetchPage(head.dns, '/who.php')).body);
  t.same([...seen].sort(), [one.gear.uuid, two.gear.uuid].sort());
});

await t.test('out of service and in again, over a reload too; the last one stays', async (t) => {
  t.same(await asHead(scaled, `take_out ${one.gear.uuid}`), { code: 0, output: '' });
  t.match((await servers(scaled))[name(one.gear.dns)], /MAINT/);
  t.equal((await asHead(scaled, 'reload')).code, 0);
  t.match((await servers(scaled))[name(one.gear.dns)], /MAINT/, 'a reload does not bring it back');
  t.same(await asHead(scaled, `bin/control enable-server ${one.gear.uuid}`), { code: 0, output: '' });
  t.match((await servers(scaled))[name(one.gear.dns)], /^UP/);
  t.equal((await asHead(scaled, `bin/control disable-server local ${one.gear.uuid}`)).code, 0);
  t.equal((await asHead(scaled, `take_out ${two.gear.uuid}`)).code, 0);
  t.match((await servers(scaled))[name(two.gear.dns)], /^UP/);
  t.equal((await asHead(scaled, `bin/control enable-server local ${one.gear.uuid}`)).code, 0);
  t.equal((await asHead(scaled, 'take_out unknown')).code, 0);
  const stranger = await asHead(scaled, `sed -i /^${two.gear.uuid}@/d "$registry"; put_in ${two.gear.uuid}`);
  t.equal(stranger.code, 1);
  t.match(stranger.output, /its code was never brought up to date/);
  await nowSynced(scaled, one, two);
});

await t.test(
  'what is sent to set-proxy is never expanded, and bad endpoints are refused one by one',
  async (t) => {
    const good = [one.item, two.item];
    const bad = [
      `'u1'='x.demo|1.2.3.4:35571$(touch ${head.home}/app-root/data/expanded)'`,
      `'u2'='x.demo|1.2.3.256:35571'`,
      `'u3'='x.demo|1.2.3.4:999'`,
      `'u4'='x.demo|1.2.3.4:70000'`,
      `'u5'='x.demo|01.2.3.4:35571'`,
      `'u6'='\`id\`.demo|1.2.3.4:35571'`,
      `'u7'='a${'b'.repeat(70)}|1.2.3.4:35571'`,
      `'$(id)'='x.demo|1.2.3.4:35571'`,
      `'u8'='y.demo|1.2.3.4:35571\nserver\tevil\t1.2.3.4:80'`,
      `'u9'='*.demo|1.2.3.4:35571'`,
      `'u10'='/etc/*|1.2.3.4:35571'`,
      `u11`,
      `=`,
      `'u12'="f81fb70064-demo.test|1.2.3.4:35571"`,
    ];
    const before = read('conf/proxy.db');
    const { code, output } = await setProxy(node, [...good, ...bad]);
    t.equal(code, 22);
    t.match(output, `sphpapp demo ${HEAD} - Invalid endpoint '1.2.3.256:35571' passed in input - `);
    t.equal(read('conf/proxy.db'), before, 'the others are still taken');
    t.notMatch(read('conf/haproxy.cfg'), /touch|evil|1\.2\.3\.4|etc\b|uid/);
    t.notOk(existsSync(`${head.home}/app-root/data/expanded`));
    t.equal((await setProxy(node, [`'${one.gear.uuid}'='broken'`, two.item])).code, 22);
    t.match(read('conf/proxy.db'), one.gear.uuid, 'a gear with a broken endpoint keeps the one it had');
    t.equal((await setProxy(node, [...good, one.item, item(HEAD, head.dns, '1.2.3.4:35566')])).code, 0);
    t.equal(read('conf/proxy.db'), before, 'twice is once, and the gear itself is none of them');
  },
);

await t.test('a WebSocket goes through, and a reload leaves it alone', async (t) => {
  const script = `${repository}test/frontdoor/gear-server.mjs`;
  const server = spawn(process.execPath, [script, ADDRESS, '36001', 'socket'], { stdio: 'pipe' });
  t.teardown(() => server.kill('SIGKILL'));
  await once(server.stdout, 'data');
  await setProxy(node, [item('socket', 'socket.demo', `${ADDRESS}:36001`)]);
  await must(asHead(scaled, `echo socket@${ADDRESS} | with_lists replace_file "$registry" && cond_reload`));
  await must(asHead(scaled, 'say "disable server express/local-gear"'));
  t.match((await servers(scaled))['gear-socket'], /^UP/, 'at once');
  const say = await webSocket(t, head.dns);
  t.equal(await say('hello'), 'say hello');
  for (let n = 0; n < 3; n += 1) await must(act(node, 'haproxy-1.4', 'reload', headArgs));
  t.equal(await say('still'), 'say still');
  t.equal(haproxies().length, 2, 'the process that has it goes on for it');
  await must(asHead(scaled, 'put_in local'));
  const started = performance.now();
  await setProxy(node, [one.item, two.item]);
  const seconds = (performance.now() - started) / 1000;
  t.ok(seconds > 19 && seconds < 30, `a gear that goes is waited for, but not for ever: ${seconds} s`);
  t.equal(await say('and on'), 'say and on', 'what it had is not cut off');
  await nowSynced(scaled, one, two);
});

await t.test('300 gears, and all but two gone again', async (t) => {
  const many = Array.from({ length: 298 }, (_, n) =>
    item(`many${n}`, `many${n}-demo.test.example.com`, `10.9.${n % 250}.${1 + (n % 7)}:${35531 + n}`),
  );
  const started = performance.now();
  t.equal((await setProxy(node, [one.item, two.item, ...many])).code, 0);
  t.equal(Object.keys(await servers(scaled)).length, 301);
  t.equal((await setProxy(node, [one.item, two.item])).code, 0);
  t.equal(Object.keys(await servers(scaled)).length, 3);
  t.comment(`both within ${Math.round(performance.now() - started)} ms`);
});

await t.test('a configuration that HAProxy does not take changes nothing', async (t) => {
  const template = read('conf/haproxy.cfg.template');
  const config = read('conf/haproxy.cfg');
  await asHead(scaled, 'echo "  no such words" >>conf/haproxy.cfg.template');
  const reply = await act(node, 'haproxy-1.4', 'reload', headArgs);
  t.not(reply.code, 0);
  t.match(reply.output, /unknown keyword 'such'/);
  t.equal(read('conf/haproxy.cfg'), config);
  t.equal((await fetchPage(head.dns)).status, 200);
  await asHead(scaled, 'sed -i /no.such.words/d conf/haproxy.cfg.template');
  t.equal(read('conf/haproxy.cfg.template'), template);
});

await t.test('killed, started, started again, stopped', async (t) => {
  for (const pid of haproxies()) process.kill(pid, 'SIGKILL');
  await until('killed', () => haproxies().length === 0);
  t.match((await act(node, 'haproxy-1.4', 'status', headArgs)).output, /HAProxy instance is stopped/);
  t.same(await act(node, 'haproxy-1.4', 'start', headArgs), { code: 0, output: '' });
  t.match(
    (await act(node, 'haproxy-1.4', 'start', headArgs)).output,
    /^HAProxy \(pid \d+\) already running\n$/,
  );
  t.match((await act(node, 'haproxy-1.4', 'status', headArgs)).output, /HAProxy instance is running/);
  t.equal((await fetchPage(head.dns)).status, 200);
  await asHead(scaled, 'rm "$stats_socket"');
  t.same(await act(node, 'haproxy-1.4', 'reload', headArgs), { code: 0, output: '' }, 'without its socket');
  t.equal((await fetchPage(head.dns)).status, 200);
  t.match(await servers(scaled), { 'local-gear': /./ });
  const [pid] = haproxies();
  t.same(await act(node, 'haproxy-1.4', 'restart', headArgs), { code: 0, output: '' });
  t.notOk(haproxies().at(-1) === pid);
  t.same(await act(node, 'haproxy-1.4', 'stop', headArgs), { code: 0, output: '' });
  t.same(haproxies(), []);
  t.equal(await must(act(node, 'haproxy-1.4', 'reload', headArgs)), '', 'what does not run is not started');
  t.same(haproxies(), []);
  await must(act(node, 'haproxy-1.4', 'start', headArgs));
});

await t.test('deconfigure gives the name back and names the key', async (t) => {
  const { code, output } = await act(node, 'haproxy-1.4', 'deconfigure', headArgs);
  t.same({ code, output }, { code: 0, output: 'APP_SSH_KEY_REMOVE: haproxy\n' });
  t.equal(route(), '127.0.253.129:8080');
  t.notOk(existsSync(folder));
  t.same(haproxies(), []);
  t.equal(
    readFileSync(`${head.home}/.env/OPENSHIFT_APP_SSH_KEY`, 'utf8'),
    `${head.home}/.openshift_ssh/id_rsa`,
  );
  t.equal((await fetchPage(head.dns)).status, 200);
});

await t.test('added to an application that its user has stopped, it waits for the start', async (t) => {
  await stopGear(node, { uuid: HEAD });
  const output = await must(act(node, 'haproxy-1.4', 'configure', headArgs));
  t.match(output, /^CLIENT_MESSAGE: Not starting cartridge haproxy because .* explicitly stopped/m);
  t.same(haproxies(), []);
  t.equal((await startGear(node, { uuid: HEAD })).exitCode, 0);
  t.equal((await fetchPage(head.dns)).status, 200);
  const { state, cartridges } = await gearStatus(node, { uuid: HEAD });
  t.equal(state, 'started');
  t.same(cartridges, [
    { name: 'haproxy-1.4', output: 'CLIENT_RESULT: HAProxy instance is running\n' },
    { name: 'php-5.3', output: 'CLIENT_RESULT: Application is running\n' },
  ]);
  t.equal((await stopGear(node, { uuid: HEAD })).exitCode, 0);
  t.same(haproxies(), []);
  t.equal((await fetchPage(head.dns)).status, 503);
});
