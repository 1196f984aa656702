/** Doors that must stay shut: forwarding, roads around PAM, a gear whose confinement cannot be had, other gears' things. */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import t from 'tap';
import { startSshd } from '../../src/host/sshd.js';
import {
  FakeGear,
  hierarchies,
  openDoors,
  pidsOf,
  port,
  processOf,
  run,
  sshOptions,
  unifiedTree,
} from './fake-gear.js';

const gear = new FakeGear('cc9beb39785a45b9b97bdc6951fc8dbf', 507);
const other = new FakeGear('aa9beb39785a45b9b97bdc6951fc8dbf', 508);
t.setTimeout(240_000);
await openDoors();
await gear.make();
await other.make();

const log = (): string => readFileSync('/run/sshd.log', 'utf8');

await t.test('no port, agent or X11 forwarding, and no file of the gear that sshd would run', async (t) => {
  let reached = 0;
  const server = createServer((socket) => {
    reached++;
    socket.end('reached');
  });
  await new Promise<void>((resolve) => server.listen(9911, '127.0.0.1', resolve));
  const forward = await run('ssh', [...sshOptions, '-p', String(port), '-W', '127.0.0.1:9911', gear.at]);
  t.not(forward.exitCode, 0);
  t.match(forward.stderr, /forwarding failed|administratively prohibited|open failed/);
  t.equal(reached, 0);
  server.close();
  const remote = await gear.ssh('true', ['-o', 'ExitOnForwardFailure=yes', '-R', '9912:127.0.0.1:9911']);
  t.not(remote.exitCode, 0);
  const agent = await execa('ssh-agent', ['-s'], { reject: false });
  const socket = /SSH_AUTH_SOCK=([^;]+)/.exec(agent.stdout)?.[1] ?? '';
  const env = { SSH_AUTH_SOCK: socket, DISPLAY: '127.0.0.1:77' };
  const asked = await run(
    'ssh',
    [...sshOptions, '-A', '-X', '-p', String(port), gear.at, 'env; ls /tmp'],
    undefined,
    env,
  );
  t.notMatch(asked.stdout, /SSH_AUTH_SOCK|DISPLAY|ssh-/);
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(agent.stdout)?.[1]);
  if (pid > 1) process.kill(pid);
  gear.file('.ssh/rc', 'touch /tmp/rc-ran\n', 0o755);
  await gear.ssh('true');
  t.equal((await gear.ssh('ls /tmp')).stdout, '');
  unlinkSync(`${gear.home}/.ssh/rc`);
});

await t.test("another gear's home, processes, confinement file and /tmp", async (t) => {
  await other.ssh(
    'echo secret > /tmp/mine; echo secret > app-root/data/x; chmod 777 app-root/data app-root/data/x',
  );
  const sleeper = execa('ssh', [...sshOptions, '-p', String(port), other.at, 'exec sleep 876'], {
    reject: false,
  });
  const pid = await processOf(other, 'sleep');
  for (const command of [
    `cat ${other.home}/app-root/data/x`,
    `ls ${other.home}`,
    'cat /tmp/mine',
    `cat ${other.confinementFile}`,
    'ls /var/lib/openshift',
    `ls ${gear.home}/.tmp`,
    `cat /proc/${pid}/environ`,
    `kill -0 ${pid}`,
    `ls /proc/${pid}/root/`,
    'cat /etc/shadow',
    'echo x >> /etc/hosts',
    'mount -t tmpfs none /mnt',
    'unshare -r true',
    'chroot / true',
    'su -c true',
  ]) {
    const done = await gear.ssh(command);
    t.not(done.exitCode, 0, command);
    t.notMatch(done.stdout, 'secret');
  }
  sleeper.kill();
  await sleeper;
});

await t.test('limits hold for a session: no more processes than the gear may have', async (t) => {
  // Not bash: it waits and tries again when it may not fork.
  const many = await gear.ssh(
    "perl -e 'for (1..100) { $p = fork; last unless defined $p; if (!$p) { sleep 20; exit } push @k, $p }" +
      ' print "$!: ", scalar @k; kill 9, @k\'',
  );
  t.match(many.stdout, /^Resource temporarily unavailable: [345]\d$/);
});

await t.test('stopping the group ends the session, sshd of that session too', async (t) => {
  const session = execa('ssh', [...sshOptions, '-p', String(port), gear.at, 'setsid sleep 765 & sleep 765'], {
    reject: false,
  });
  await processOf(gear, 'sleep');
  t.ok(pidsOf(gear).length >= 3);
  writeFileSync(`${unifiedTree()}/openshift/${gear.uuid}/cgroup.kill`, '1');
  const ended = await session;
  t.not(ended.exitCode, 0);
  for (let tries = 0; tries < 100 && pidsOf(gear).length > 0; tries++) await sleep(50);
  t.same(pidsOf(gear), []);
  t.equal((await gear.ssh('echo again')).stdout, 'again', 'the next one is let in');
});

await t.test('a gear whose confinement cannot be had gets no session', async (t) => {
  const shut = async (name: string, status = 254): Promise<void> => {
    const done = await gear.ssh('echo in');
    t.equal(done.exitCode, status, name);
    t.notMatch(done.stdout, 'in');
    t.not(
      (await run('sftp', [...sshOptions, '-P', String(port), '-b', '-', gear.at], 'ls\n')).exitCode,
      0,
      `${name}: sftp`,
    );
    const forward = await run('ssh', [...sshOptions, '-p', String(port), '-W', '127.0.0.1:2222', gear.at]);
    t.notMatch(forward.stdout, 'SSH-', `${name}: forwarding`);
  };
  const away = `${gear.confinementFile}.away`;
  renameSync(gear.confinementFile, away);
  await shut('no confinement file');
  writeFileSync(gear.confinementFile, readFileSync(away, 'utf8').replace('uid=507', 'uid=508'));
  await shut('of another uid');
  gear.confine(['bogus=1']);
  await shut('a line that is not understood');
  gear.confine();
  chownSync(gear.confinementFile, 507, 507);
  await shut('owned by the gear');
  gear.confine();
  chmodSync(gear.confinementFile, 0o660);
  await shut('writable by the gear');
  gear.confine();
  const tmp = `${gear.home}/.tmp/tmp`;
  renameSync(tmp, `${tmp}.away`);
  await shut('without its /tmp');
  renameSync(`${tmp}.away`, tmp);
  for (const mount of hierarchies()) {
    const group = `${mount}/openshift/${gear.uuid}`;
    for (let tries = 0; tries < 50 && statSync(group, { throwIfNoEntry: false }) !== undefined; tries++) {
      try {
        if (mount === unifiedTree() && statSync(`${group}/gear`, { throwIfNoEntry: false }))
          rmdirSync(`${group}/gear`);
        rmdirSync(group);
      } catch {
        await sleep(100);
      }
    }
    t.notOk(statSync(group, { throwIfNoEntry: false }), group);
    await shut(`without ${group}`);
    gear.groups();
  }
  t.equal((await gear.ssh('echo in')).stdout, 'in', 'and with everything back it is let in');
});

await t.test('oo-login refuses what came around PAM', async (t) => {
  const command = (file: string, argv: readonly string[]): Promise<unknown> => execa(file, argv);
  unlinkSync('/run/sshd.pid');
  await startSshd(command, [
    '-p',
    '2223',
    '-o',
    'ListenAddress=127.0.0.1',
    '-o',
    'UsePAM=no',
    '-E',
    '/run/sshd.log',
  ]);
  const done = await run('ssh', [...sshOptions, '-p', '2223', gear.at, 'echo in']);
  // Without PAM sshd refuses a locked account by itself; oo-login is the second door.
  t.not(done.exitCode, 0);
  t.notMatch(done.stdout, 'in');
  const su = await run('su', ['-', gear.uuid, '-c', 'echo in']);
  t.equal(su.exitCode, 40);
  t.match(su.stderr, /around the gear's limits/);
  const root = await run('/usr/libexec/openshift/oo-login', ['-c', 'echo in']);
  t.equal(root.exitCode, 40);
  t.match(root.stderr, /does not run as root/);
});

await t.test('an account that is no gear notices nothing', async (t) => {
  await execa('useradd', ['-m', '-s', '/bin/bash', 'plain']);
  const keys = readFileSync('/root/login-test-key.pub', 'utf8');
  await execa('bash', ['-c', 'install -d -m 700 -o plain -g plain ~plain/.ssh']);
  writeFileSync('/home/plain/.ssh/authorized_keys', keys);
  const read = 'cat /proc/self/status /proc/self/cgroup; stat -c %U /tmp';
  const done = await run('ssh', [...sshOptions, '-p', String(port), 'plain@127.0.0.1', read]);
  t.equal(done.exitCode, 0, done.stderr);
  t.match(done.stdout, /CapBnd:\t0*[1-9a-f]+/);
  t.notMatch(done.stdout, 'CapBnd:\t0000000000000000');
  t.notMatch(done.stdout, 'openshift');
  t.match(done.stdout, /\nroot$/);
  const forward = await run('ssh', [
    ...sshOptions,
    '-p',
    String(port),
    '-W',
    `127.0.0.1:${port}`,
    'plain@127.0.0.1',
  ]);
  t.match(forward.stdout, 'SSH-2.0', 'it may still forward');
});

await t.test('the module missing locks out gears only', async (t) => {
  renameSync('/usr/libexec/openshift/pam_oo.so', '/usr/libexec/openshift/pam_oo.so.away');
  const shut = await gear.ssh('echo in');
  t.equal(shut.exitCode, 40);
  t.match(shut.stderr, /around the gear's limits/);
  const plain = await run('ssh', [...sshOptions, '-p', String(port), 'plain@127.0.0.1', 'echo in']);
  t.equal(plain.stdout, 'in');
  renameSync('/usr/libexec/openshift/pam_oo.so.away', '/usr/libexec/openshift/pam_oo.so');
  t.equal((await gear.ssh('echo in')).stdout, 'in');
});

if (process.env['SHOW_SSHD_LOG']) appendFileSync('/dev/stderr', log());
