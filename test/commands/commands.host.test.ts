/**
 * The installed commands on a real node, as an operator types them: exit codes, output, --json, and what they leave.
 */
import t from 'tap';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { command, fetchPage, run } from '../seed/seed-node.js';

t.setTimeout(600_000);

interface Ended {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

function call(name: string, argv: readonly string[] = [], input = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(`/usr/sbin/${name}`, [...argv], { encoding: 'utf8' }, (error, stdout, stderr) =>
      resolve({ exit: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

const version = /^PHP (\d+\.\d+)/.exec(await run('/usr/bin/php', ['--version']))?.[1] ?? '';
await run(command('oo-admin-node-setup'), ['--min-uid=507', '--cloud-domain=example.com', '--start']);
const uuid = 'cc9beb39785a45b9b97bdc6951fc8dbf';
const home = `/var/lib/openshift/${uuid}`;
const done = { exit: 0, stdout: '', stderr: '' };

await t.test('the life of a gear by commands', async (t) => {
  const app = ['-c', uuid, '-a', uuid];
  t.same(
    await call('oo-app-create', [
      ...app,
      '--with-app-name',
      'phpapp',
      '--with-namespace',
      'demo',
      '--dry-run',
    ]),
    {
      ...done,
      stdout: 'The request is valid. Nothing was done.\n',
    },
  );
  t.notOk(existsSync(home));
  t.same(
    await call('oo-app-create', [...app, '--with-app-name', 'phpapp', '--with-namespace', 'demo']),
    done,
  );
  t.same(await call('oo-app-state-show', app), { ...done, stdout: 'new' });
  t.same(await call('oo-env-var-add', [...app, '-k', 'COLOUR', '-v', 'green']), done);
  t.match(readFileSync(`${home}/.env/COLOUR`, 'utf8'), 'green');
  t.same(await call('oo-env-var-remove', [...app, '-k', 'COLOUR']), done);
  t.same(await call('oo-env-var-remove', [...app, '-k', 'COLOUR']), done);
  t.same(await call('oo-broker-auth-key-add', [...app, '-i', 'iv', '-t', 'token']), done);
  t.equal(readFileSync(`${home}/.auth/token`, 'utf8'), 'token');
  t.same(await call('oo-broker-auth-key-remove', app), done);
  t.notOk(existsSync(`${home}/.auth`));
  await run('/usr/bin/ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', '/root/key']);
  const [type = '', key = ''] = readFileSync('/root/key.pub', 'utf8').split(' ');
  t.same(await call('oo-authorized-ssh-key-add', [...app, '-s', key, '-t', type, '-m', 'me']), done);
  t.match(readFileSync(`${home}/.ssh/authorized_keys`, 'utf8'), `${key} OPENSHIFT-${uuid}-me`);
  t.same(await call('oo-authorized-ssh-key-remove', [...app, '-s', key, '-m', 'me']), done);
  t.equal(readFileSync(`${home}/.ssh/authorized_keys`, 'utf8'), '');
  const wrong = await call('oo-authorized-ssh-key-add', [...app, '-s', 'AAAA', '-t', 'ssh-rsa']);
  t.equal(wrong.exit, 255);
});

await t.test('a cartridge by commands', async (t) => {
  const php = ['-c', uuid, '-n', `php-${version}`];
  const parts = ['-c', uuid, '-n', 'php', '-p', version];
  const foreign = await call('oo-cartridge', ['-a', 'add', ...parts, '-o', 'nobody']);
  t.match(foreign, { exit: 127, stderr: /nobody-php-.* is not installed/ });
  t.match(
    (await call('oo-cartridge', ['-a', 'add', ...parts, '-o', 'redhat'])).stdout,
    /^Initialized empty Git repository/,
  );
  t.equal((await fetchPage('phpapp-demo.example.com')).status, 200);
  const status = await call('oo-cartridge', ['-a', 'status', ...php]);
  t.match(status, { exit: 0, stdout: /running/i });
  t.equal((await call('oo-cartridge', ['-a', 'stop', ...php])).exit, 0);
  t.equal((await fetchPage('phpapp-demo.example.com')).status, 503);
  t.same(await call('oo-app-state-show', ['-c', uuid]), { ...done, stdout: 'stopped' });
  t.equal(
    (await call('oo-cartridge', ['-a', 'start', ...php, '--verbose'])).stdout.trim(),
    'Cartridge start succeeded',
  );
  t.equal((await call('oo-cartridge', ['-a', 'restart', ...php])).exit, 0);
  t.equal((await fetchPage('phpapp-demo.example.com')).status, 200);
  const unknown = await call('oo-cartridge', ['-a', 'start', '-c', uuid, '-n', 'ruby-1.9']);
  t.not(unknown.exit, 0);
  t.match(unknown.stderr, /^oo-cartridge: .*ruby-1\.9/);
});

await t.test('the gears of the node', async (t) => {
  t.same(await call('oo-admin-ctl-gears', ['list']), { ...done, stdout: `${uuid}\n` });
  t.same(JSON.parse((await call('oo-admin-ctl-gears', ['list', '--json'])).stdout), [uuid]);
  t.match(await call('oo-admin-ctl-gears', ['stopgear', uuid]), {
    exit: 0,
    stdout: `Stopping gear ${uuid} ... [ OK ]\n`,
  });
  t.equal((await fetchPage('phpapp-demo.example.com')).status, 503);
  t.equal(
    (await run('/bin/bash', ['-c', 'ps -u 507 -o pid= || true'])).trim(),
    '',
    'no process of the uid lives',
  );
  t.match((await call('oo-admin-ctl-gears', ['startall'])).stdout, /\[ OK \]/);
  t.equal(
    (await fetchPage('phpapp-demo.example.com')).status,
    503,
    'a boot leaves alone what a user has stopped',
  );
  t.match(await call('oo-admin-ctl-gears', ['startgear', uuid]), { exit: 0 });
  t.equal((await fetchPage('phpapp-demo.example.com')).status, 200);
  t.match((await call('oo-admin-ctl-gears', ['statusgear', uuid])).stdout, /Gear state: started\n/);
  t.match(JSON.parse((await call('oo-admin-ctl-gears', ['status', '--json'])).stdout), [
    { uuid, application: 'phpapp', state: 'started', locked: false, cartridges: [{ output: /running/i }] },
  ]);
  t.same(await call('oo-admin-ctl-gears', ['recover']), done);
  const none = await call('oo-admin-ctl-gears', ['stopgear', 'nobody']);
  t.match(none, { exit: 254, stdout: /^Stopping gear nobody \.\.\. \[ FAILED \]\n {2}nobody is not a gear/ });
  t.equal((await call('oo-admin-ctl-gears', ['stopgear'])).exit, 255);
});

await t.test('public ports of a cartridge', async (t) => {
  const php = ['-a', uuid, '-c', uuid, '-n', `php-${version}`];
  const stdout =
    'CART_DATA: PROXY_HOST=phpapp-demo.example.com\nCART_DATA: PROXY_PORT=35566\n' +
    'CART_DATA: HOST=127.0.253.129\nCART_DATA: PORT=8080\n';
  t.match(await call('oo-create-endpoints', [...php, '--dry-run']), { exit: 0, stdout: /Nothing was done/ });
  for (let times = 0; times < 2; times += 1)
    t.same(await call('oo-create-endpoints', php), { ...done, stdout });
  t.same(await call('oo-cartridge', ['-a', 'show-port', ...php.slice(2)]), { ...done, stdout });
  t.same(await call('oo-delete-endpoints', php), done);
  t.same(await call('oo-delete-endpoints', php), done);
  t.match(await call('oo-create-endpoints', ['-c', uuid, '-n', 'ruby-1.9']), {
    exit: 1,
    stderr: /ruby-1\.9/,
  });
  t.equal((await call('oo-create-endpoints', ['-c', uuid])).exit, 255);
});

await t.test('of many differences of the port proxy a person is shown twenty', async (t) => {
  const ports = Array.from({ length: 25 }, (_, at) => 40_000 + at);
  const file = (port: number): string => `/var/lib/openshift/.ports/${port}`;
  for (const port of ports)
    writeFileSync(file(port), `${uuid} 127.9.9.9:8080 ABSENT_PORT\n`, { mode: 0o600 });
  const shown = await call('oo-admin-ctl-iptables-port-proxy', ['status']);
  const whole = await call('oo-admin-ctl-iptables-port-proxy', ['status', '--json']);
  for (const port of ports) rmSync(file(port));
  t.equal(shown.exit, 1);
  const { differences } = JSON.parse(whole.stdout) as { differences: readonly string[] };
  t.ok(differences.length >= 25);
  const lines = shown.stderr.trimEnd().split('\n');
  t.equal(lines.length, 22);
  t.match(lines[20], `... and ${differences.length - 20} more, all of them with --json`);
  t.match(lines[21], /run: oo-admin-ctl-iptables-port-proxy start$/);
});

await t.test('the cartridges of the node', async (t) => {
  t.match(await call('oo-cartridge-list'), {
    exit: 0,
    stdout: new RegExp(`^Cartridges:\\n[^]*\\tphp-${version}\\n`),
  });
  const names = (await call('oo-cartridge-list', ['-q'])).stdout;
  t.match(names, /^CLIENT_RESULT: \[".*"\]\n$/);
  t.same(await call('oo-admin-cartridge', ['--alias', `php-5.3=php-${version}`]), {
    ...done,
    stdout: 'Succeeded\n',
  });
  t.match((await call('oo-admin-cartridge', ['-l'])).stdout, `php-5.3 -> php-${version}\n`);
  const listed = JSON.parse((await call('oo-admin-cartridge', ['list', '--json'])).stdout) as {
    name: string;
  }[];
  t.ok(listed.some(({ name }) => name === 'mysql'));
  const entry = listed.find(({ name }) => name === 'mysql') as unknown as {
    cartridge_version: string;
    vendor: string;
  };
  const erase = ['erase', '-o', entry.vendor, '-n', 'mysql', '-c', entry.cartridge_version];
  t.equal((await call('oo-admin-cartridge', erase)).exit, 0);
  t.notMatch((await call('oo-admin-cartridge', ['list'])).stdout, 'mysql');
  t.equal((await call('oo-admin-cartridge', erase)).exit, 1);
  t.match(await call('oo-admin-cartridge', ['install', '/usr/libexec/openshift/cartridges/mysql']), {
    exit: 0,
  });
  t.match((await call('oo-admin-cartridge', ['list'])).stdout, 'mysql');
  t.equal((await call('oo-admin-cartridge', ['install'])).exit, 1);
  t.equal((await call('oo-admin-cartridge', ['install', '/etc'])).exit, 1);
  t.equal((await call('oo-admin-cartridge')).exit, 255);
});

await t.test('requests as JSON', async (t) => {
  const state = {
    cartridge: 'openshift-origin-node',
    action: 'app-state-show',
    args: { '--with-container-uuid': uuid },
  };
  const one = await call('oo-rpc', ['cartridge_do'], JSON.stringify(state));
  t.equal(one.exit, 0);
  t.match(JSON.parse(one.stdout), { statuscode: 0, exitcode: 0, output: 'started' });
  writeFileSync('/root/request.json', JSON.stringify(state.args));
  const two = await call('oo-rpc', ['app-state-show', '--file', '/root/request.json', '--compact']);
  t.match(JSON.parse(two.stdout), { exitcode: 0, output: 'started' });
  t.equal(two.stdout.split('\n').length, 2);
  const bad = await call('oo-rpc', ['cartridge_do'], 'not JSON');
  t.match(bad, { exit: 255, stderr: 'oo-rpc: The request is not JSON. Nothing was done.\n' });
  const unknown = await call('oo-rpc', ['no-such-thing'], '{}');
  t.equal(unknown.exit, 127);
  t.match(JSON.parse(unknown.stdout), { exitcode: 127 });
  const json = await call('oo-app-state-show', ['-c', uuid, '--json']);
  t.match(JSON.parse(json.stdout), { exitcode: 0, output: 'started' });
});

await t.test('and its end', async (t) => {
  t.equal((await call('oo-cartridge', ['-a', 'delete', '-c', uuid, '-n', `php-${version}`])).exit, 0);
  t.equal((await fetchPage('phpapp-demo.example.com')).status, 404);
  t.same(await call('oo-app-destroy', ['-c', uuid]), done);
  t.same(await call('oo-app-destroy', ['-c', uuid]), done, 'a gear that is gone is gone');
  t.match(await call('oo-app-state-show', ['-c', uuid]), { exit: 1, stderr: /is not a gear of this node/ });
});
