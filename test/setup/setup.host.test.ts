/**
 * The set-up of a node in a disposable host: twice is the same as once, an operator's files stay, and after `--remove`
 * the machine is what it was.
 */
import t from 'tap';
import { execFile } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { command, fetchPage, run } from '../seed/seed-node.js';
import { rulesOnly } from '../host/packet-rules.js';
import { dumpFolder } from './folder-dump.js';

t.setTimeout(600_000);

const setup = command('oo-admin-node-setup');
const folders = ['/etc', '/usr/libexec', '/usr/sbin', '/usr/share/man/man8', '/usr/share/bash-completion'];
const ours = [...folders, '/var/lib/openshift'];
const dump = (paths: readonly string[]): readonly string[] => paths.flatMap(dumpFolder);

const networkNow = (): string =>
  ['ip_local_port_range', 'conf/all/route_localnet']
    .map((name) => readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8'))
    .join('') + rulesOnly();

const exitOf = (argv: readonly string[]): Promise<readonly [code: unknown, stderr: string]> =>
  new Promise((resolve) =>
    execFile(setup, [...argv], (error, _, stderr) => resolve([error?.code ?? 0, stderr])),
  );

t.test('a wrong option changes nothing, and the right one is taken after it', async (t) => {
  const before = dump(ours);
  for (const wrong of [
    ['--public-ip', 'foo'],
    ['--public-hostname', 'a:b'],
    ['--min-uid', '7000'],
  ]) {
    const [code, said] = await exitOf(wrong);
    t.equal(code, 253, said);
    t.match(said, /node\.conf with the options given: .*Nothing was done/);
    t.same(dump(ours), before);
  }
  await run(setup, ['--public-ip', '192.0.2.7']);
  const good = dump(['/etc']);
  t.equal((await exitOf(['--public-ip', 'foo']))[0], 253);
  t.same(dump(['/etc']), good, 'nor is the file that is there');
  await run(setup, ['--remove']);
});

t.test('set up twice and removed, the machine is as it was', async (t) => {
  const before = dump(folders);
  const network = networkNow();
  await run(setup, ['--public-hostname', 'node1.example.com', '--start']);
  const once = dump(ours);
  t.match(networkNow(), /^15000\t35530\n/, 'no outgoing connection takes a public port');
  t.match(await run('/usr/sbin/oo-admin-ctl-iptables-port-proxy', ['status']), /is enabled with 0 ports/);
  const ruled = networkNow();
  t.not(JSON.stringify(dump(folders)), JSON.stringify(before));
  const said = await run(setup, ['--public-hostname', 'node1.example.com', '--start']);
  t.match(said, /nothing had to be changed/);
  t.same(
    dump(ours).filter((line) => !once.includes(line)),
    [],
    'twice is the same as once',
  );
  t.equal(networkNow(), ruled, 'also in the kernel');
  t.match(readFileSync('/etc/openshift/node.conf', 'utf8'), 'PUBLIC_HOSTNAME="node1.example.com"');
  t.ok(existsSync('/usr/sbin/oo-app-create'));
  t.match(await run('/usr/sbin/oo-app-create', ['--help']), /^Usage: oo-app-create/);
  await run(setup, ['--remove']);
  const after = dump(folders);
  t.same(
    after.filter((line) => !before.includes(line)),
    [],
    'nothing is left',
  );
  t.same(
    before.filter((line) => !after.includes(line)),
    [],
    'nothing is missing',
  );
  t.notOk(existsSync('/var/lib/openshift'));
  t.equal(networkNow(), network, "the kernel's rules and settings are as they were");
});

t.test('what an operator wrote is kept', async (t) => {
  mkdirSync('/etc/openshift', { mode: 0o750 });
  writeFileSync('/etc/openshift/resource_limits.conf', 'quota_files=123\n', { mode: 0o600 });
  const before = dump(['/etc']);
  await run(setup, []);
  t.equal(readFileSync('/etc/openshift/resource_limits.conf', 'utf8'), 'quota_files=123\n');
  appendFileSync('/etc/openshift/node.conf', '# a remark of the operator\n');
  appendFileSync('/etc/pam.d/sshd', '# another one\n');
  await run(setup, ['--cloud-domain', 'apps.example.org']);
  const conf = readFileSync('/etc/openshift/node.conf', 'utf8');
  t.match(conf, '# a remark of the operator');
  t.match(conf, 'CLOUD_DOMAIN="apps.example.org"');
  t.equal(readFileSync('/etc/openshift/env/OPENSHIFT_CLOUD_DOMAIN', 'utf8'), 'apps.example.org\n');
  writeFileSync('/etc/openshift/env/MY_VARIABLE', 'mine\n');
  await run(setup, ['--remove']);
  t.match(readFileSync('/var/lib/openshift-kept/etc/openshift/env/MY_VARIABLE', 'utf8'), 'mine');
  t.match(readFileSync('/etc/pam.d/sshd', 'utf8'), /# another one\n$/, 'of somebody else only our part goes');
  t.notMatch(readFileSync('/etc/pam.d/sshd', 'utf8'), 'pam_oo');
  writeFileSync('/etc/pam.d/sshd', readFileSync('/etc/pam.d/sshd', 'utf8').replace('# another one\n', ''));
  t.same(dump(['/etc']), before);
  t.equal(statSync('/etc/openshift').mode & 0o777, 0o750);
  rmSync('/etc/openshift', { recursive: true });
});

t.test('a node with gears is not removed, and a machine that is none says so', async (t) => {
  await t.rejects(run(setup, ['--remove']), /was not made a node/);
  await run(setup, ['--min-uid', '507']);
  const uuid = 'a'.repeat(32);
  await run('/usr/sbin/oo-app-create', ['-c', uuid, '--with-app-name', 'app', '--with-namespace', 'ns']);
  await t.rejects(run(setup, ['--remove']), /has 1 gears/);
  await run('/usr/sbin/oo-app-destroy', ['-c', uuid]);
  await run(setup, ['--remove']);
});

t.test('a setting that cannot be one is refused', async (t) => {
  const before = dump(['/etc']);
  await t.rejects(run(setup, ['--public-hostname', 'a"b']), /cannot be the value of --public-hostname/);
  await t.rejects(run(setup, ['--min-uid', 'many']), /cannot be the value of --min-uid/);
  t.same(dump(['/etc']), before);
});

function killed(argv: readonly string[], after: number): Promise<void> {
  return new Promise((resolve) => {
    const child = execFile(setup, [...argv], () => resolve());
    setTimeout(() => child.kill('SIGKILL'), after);
  });
}

t.test('a set-up that was killed is undone all the same, and can be done again', async (t) => {
  const before = dump(folders);
  for (let after = 90; after < 1200; after += 70) {
    await killed([], after);
    if (existsSync('/var/lib/openshift/.setup')) await run(setup, ['--remove']);
    const now = dump(folders);
    const different = [
      ...now.filter((line) => !before.includes(line)),
      ...before.filter((line) => !now.includes(line)),
    ];
    t.same(different, [], `killed after ${after} ms`);
  }
  for (let after = 80; after < 300; after += 20) {
    await run(setup, []);
    await killed(['--remove'], after);
    if (existsSync('/var/lib/openshift/.setup')) await run(setup, ['--remove']);
    t.same(dump(folders), before, `the undoing killed after ${after} ms`);
  }
});

t.test('an address that is taken is named', async (t) => {
  const other = createServer().listen(80);
  await t.rejects(run(setup, ['--start']), /cannot have :80: another program/);
  other.close();
  await run(setup, ['--start']);
  t.equal((await fetchPage('nobody.example.com')).status, 404, 'the front door answers');
  await run(setup, ['--remove']);
});

t.test('where systemd rules the machine, it is told of the units', async (t) => {
  // There is no systemd here: this shows what it would be asked, not what it does.
  mkdirSync('/run/systemd/system', { recursive: true });
  mkdirSync('/root/bin');
  writeFileSync('/root/bin/systemctl', '#!/bin/sh\necho "$@" >> /root/systemctl.log\n', { mode: 0o755 });
  const env = { ...process.env, PATH: `/root/bin:${process.env['PATH'] ?? ''}` };
  const before = dump(['/etc']);
  const units =
    'oo-node-cgroup.service oo-node-frontdoor.service oo-node-ports.service oo-node-gears.service';
  t.match(await run(setup, [], { env }), `Start it with: systemctl start ${units}\n`);
  t.match(readFileSync('/etc/openshift/node.conf', 'utf8'), '"/openshift.slice/oo-node-cgroup.service"');
  for (const unit of units.split(' ')) t.ok(existsSync(`/etc/systemd/system/${unit}`));
  await run(setup, ['--start'], { env });
  await run(setup, ['--remove'], { env });
  t.same(readFileSync('/root/systemctl.log', 'utf8').trim().split('\n'), [
    'daemon-reload',
    `enable ${units}`,
    'daemon-reload',
    `enable --now ${units}`,
    `disable --now ${units}`,
    'daemon-reload',
  ]);
  t.same(dump(['/etc']), before);
});
