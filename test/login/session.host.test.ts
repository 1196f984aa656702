/** What /proc says of an SSH command, a terminal, an sftp session, a push and its hook: the gear's process, each time. */
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import { FakeGear, openDoors, pidsOf, port, processOf, run, sshOptions } from './fake-gear.js';

const gear = new FakeGear('cc9beb39785a45b9b97bdc6951fc8dbf', 507);
t.setTimeout(240_000);
await openDoors();
await gear.make();

/** Everything the issue asks to be read back, from the kernel's own files of one process. */
function confined(t: Test, status: string, cgroup: string): void {
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
  t.match(field('Uid'), /^507\s+507\s+507\s+507$/);
  t.match(field('Gid'), /^507\s+507\s+507\s+507$/);
  t.match(field('Groups'), /^(507)?$/);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    t.equal(field(set), '0'.repeat(16), set);
  t.equal(field('NoNewPrivs'), '1');
  t.equal(field('Seccomp'), '2', 'a filter is in force');
  t.match(cgroup, new RegExp(`^0::/openshift/${gear.uuid}/gear$`, 'm'));
  for (const line of cgroup
    .split('\n')
    .filter((text) => /:(?:.*,)?(?:cpu|memory|pids)(?:,.*)?:/.test(text))) {
    t.match(line, new RegExp(`:/openshift/${gear.uuid}$`));
  }
}

await t.test('an SSH command', async (t) => {
  const { stdout, exitCode } = await gear.ssh('cat /proc/self/status; cat /proc/self/cgroup');
  t.equal(exitCode, 0);
  confined(t, stdout, stdout);
  const fds = await gear.ssh('ls /proc/self/fd');
  t.equal(fds.stdout, '0\n1\n2\n3', 'three descriptors, and the one that ls opens');
  const tmp = await gear.ssh(
    'stat -c "%U %a %n" /tmp /var/tmp /dev/shm; touch /tmp/mine; umask; pwd; ulimit -u -Hn',
  );
  t.match(
    tmp.stdout,
    new RegExp(`^${gear.uuid} 1700 /tmp\n${gear.uuid} 1700 /var/tmp\n${gear.uuid} 1700 /dev/shm\n0027\n`),
  );
  t.match(tmp.stdout, `\n${gear.home}\n`);
  t.match(tmp.stdout, /\b60\b[^]*\b512\b/);
  t.ok(existsSync(`${gear.home}/.tmp/tmp/mine`));
  t.notOk(existsSync('/tmp/mine'), 'nothing of it shows on the host');
  const scores = await gear.ssh(
    'cat /proc/self/oom_score_adj; grep " /tmp " /proc/self/mountinfo | tail -1 | grep -c nosuid,nodev',
  );
  t.equal(scores.stdout, '500\n1');
});

await t.test("its environment is the gear's and the connection's, and nothing else", async (t) => {
  const done = await run(
    'ssh',
    [...sshOptions, '-p', String(port), '-o', 'SendEnv=*', '-o', 'SetEnv=LC_ALL=C EVIL=1', gear.at, 'env -0'],
    undefined,
    { LC_TIME: 'C', LANG: 'C', SECRET: 'x' },
  );
  const names = done.stdout
    .split('\0')
    .filter((text) => text !== '')
    .map((text) => text.split('=')[0])
    .sort();
  const known = [
    'HOME',
    'LANG',
    'LC_ALL',
    'LC_TIME',
    'LOGNAME',
    'MINE',
    'OPENSHIFT_GEAR_DNS',
    'PATH',
    'PWD',
    'SHELL',
    'SHLVL',
  ];
  t.same(
    names.filter((name) => name !== '_'),
    [...known, 'SSH_CLIENT', 'SSH_CONNECTION', 'USER'],
  );
  t.match(done.stdout, `HOME=${gear.home}/\0`);
  t.match(done.stdout, 'MINE=my own value\0');
});

await t.test('a terminal, with a command and with the interactive shell', async (t) => {
  const tty = await gear.ssh('tty; cat /proc/self/status /proc/self/cgroup', ['-tt']);
  t.match(tty.stdout, /^\/dev\/pts\/\d+/);
  const text = tty.stdout.replaceAll('\r', '');
  confined(t, text, text);
  const typed = 'echo "prompt=${PS1@P}" limit=$TMOUT "$-"; type -t client_result; exit 7\n';
  const shell = await run('ssh', [...sshOptions, '-tt', '-p', String(port), gear.at], typed, {
    TERM: 'xterm',
  });
  t.equal(shell.exitCode, 7);
  t.match(shell.stdout, /prompt=\[phpapp-demo\.example\.com ~?[^\]]*\]\\?> +limit=300 \w*i/);
  t.match(shell.stdout, /Type "help"/);
  const plain = await run(
    'ssh',
    [...sshOptions, '-T', '-p', String(port), gear.at],
    'echo from stdin; id -u\n',
  );
  t.equal(plain.stdout, 'from stdin\n507');
});

await t.test("the gear's own start file is read by the interactive shell", async (t) => {
  gear.file('app-root/data/.bash_profile', 'export FROM_PROFILE=yes\n', 0o600, gear.uid);
  const shell = await run(
    'ssh',
    [...sshOptions, '-tt', '-p', String(port), gear.at],
    'echo profile=$FROM_PROFILE\nexit\n',
  );
  t.match(shell.stdout, 'profile=yes');
});

await t.test('an sftp session', async (t) => {
  const session = execa('ssh', [...sshOptions, '-p', String(port), '-s', gear.at, 'sftp'], { reject: false });
  const pid = await processOf(gear, 'sftp-server');
  confined(t, readFileSync(`/proc/${pid}/status`, 'utf8'), readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  t.same(readdirSync(`/proc/${pid}/fd`).sort(), ['0', '1', '2']);
  t.equal(statSync(`/proc/${pid}/root/tmp`).uid, 507);
  t.match(readFileSync(`/proc/${pid}/environ`, 'utf8'), `HOME=${gear.home}/\0`);
  t.match(readlinkSync(`/proc/${pid}/exe`), /sftp-server$/, 'no shell stands between');
  const siblings = pidsOf(gear).map((one) => readFileSync(`/proc/${one}/comm`, 'utf8').trim());
  t.same(
    siblings.sort(),
    ['sftp-server', 'sshd', 'sshd'],
    "sshd's own two processes count against the gear too",
  );
  session.kill();
  await session;
});

await t.test('files by sftp, scp and rsync, to the gear and back', async (t) => {
  const dir = t.testdir({ up: 'by hand\n' });
  const batch = await run(
    'sftp',
    [...sshOptions, '-P', String(port), '-b', '-', gear.at],
    `put ${dir}/up app-root/data/sftp\nls app-root/data\n`,
  );
  t.equal(batch.exitCode, 0, batch.stderr);
  t.match(batch.stdout, 'app-root/data/sftp');
  for (const mode of [[], ['-O']]) {
    const name = `scp${mode.join('')}`;
    const to = await run('scp', [
      ...mode,
      ...sshOptions,
      '-P',
      String(port),
      `${dir}/up`,
      `${gear.at}:app-root/data/${name}`,
    ]);
    t.equal(to.exitCode, 0, to.stderr);
    const back = await run('scp', [
      ...mode,
      ...sshOptions,
      '-P',
      String(port),
      `${gear.at}:app-root/data/${name}`,
      `${dir}/${name}`,
    ]);
    t.equal(back.exitCode, 0, back.stderr);
    t.equal(readFileSync(`${dir}/${name}`, 'utf8'), 'by hand\n');
  }
  const shell = `ssh ${sshOptions.join(' ')} -p ${port}`;
  const sync = await run('rsync', ['-a', '-e', shell, `${dir}/`, `${gear.at}:app-root/data/tree/`]);
  t.equal(sync.exitCode, 0, sync.stderr);
  const back = await run('rsync', ['-a', '-e', shell, `${gear.at}:app-root/data/tree/`, `${dir}/back/`]);
  t.equal(back.exitCode, 0, back.stderr);
  t.equal(readFileSync(`${dir}/back/up`, 'utf8'), 'by hand\n');
  t.equal(statSync(`${gear.home}/app-root/data/tree/up`).uid, 507);
});

await t.test('a push, its hook, and a service that the hook starts', async (t) => {
  const bare = `${gear.home}/git/phpapp.git`;
  await execa('git', ['init', '-q', '--bare', '-b', 'master', bare]);
  gear.file(
    'git/phpapp.git/hooks/post-receive',
    '#!/bin/bash\nexec 2>&1\ncat /proc/self/status /proc/self/cgroup > ~/app-root/data/hook\nls /proc/self/fd > ~/app-root/data/hook-fds\n' +
      'env > ~/app-root/data/hook-env\necho deploying\nsetsid sleep 987 </dev/null >/dev/null 2>&1 &\n',
    0o755,
  );
  await execa('chown', ['-R', '507:507', bare]);
  const work = t.testdir({ 'index.php': '<?php echo 1;' });
  const git = (...argv: string[]): Promise<unknown> => execa('git', ['-C', work, ...argv]);
  await git('init', '-q', '-b', 'master');
  await git('add', '.');
  await git('-c', 'user.name=x', '-c', 'user.email=x@example.com', 'commit', '-qm', 'first');
  const ssh = { GIT_SSH_COMMAND: `ssh ${sshOptions.join(' ')}` };
  const url = (path: string): string => `ssh://${gear.at}:${port}${path}`;
  const push = await run('git', ['-C', work, 'push', url('/~/git/phpapp.git/'), 'master'], undefined, ssh);
  t.equal(push.exitCode, 0, push.stderr);
  t.match(push.stderr, /remote: deploying/);
  const hook = readFileSync(`${gear.home}/app-root/data/hook`, 'utf8');
  confined(t, hook, hook);
  t.match(readFileSync(`${gear.home}/app-root/data/hook-env`, 'utf8'), `MINE=my own value\n`);
  t.equal(readFileSync(`${gear.home}/app-root/data/hook-fds`, 'utf8'), '0\n1\n2\n3\n');
  const service = await processOf(gear, 'sleep');
  confined(
    t,
    readFileSync(`/proc/${service}/status`, 'utf8'),
    readFileSync(`/proc/${service}/cgroup`, 'utf8'),
  );
  const clone = await run('git', ['clone', '-q', url(bare), `${work}/again`], undefined, ssh);
  t.equal(clone.exitCode, 0, clone.stderr);
  for (const path of [
    '/~/git/none.git',
    '/etc',
    '/~/git/../.ssh',
    '/~/app-root',
    `${gear.home}2/git/x.git`,
  ]) {
    const refused = await gear.ssh(`git-upload-pack '${path}'`);
    t.equal(refused.exitCode, 3, path);
    t.match(refused.stderr, /not a repository of this application/);
  }
});
