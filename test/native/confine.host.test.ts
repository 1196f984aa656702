// Every layer of the confinement, read back from /proc of a running program, and every step made to fail.
import t from 'tap';
import {
  chmodSync,
  closeSync,
  openSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  rmdirSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { landlockAbi } from '../../src/native/landlock.js';
import { launch, run, type Confinement, type LaunchResult } from '../../src/native/launch.js';
import { inTenant, installProgram, makeTenant, v1Controllers, v2Root, type Tenant } from './tenant.js';
import { requireHost } from '../hosts/inside.js';

requireHost();

const output = (result: LaunchResult): string => `${result.stdout.toString()}${result.stderr.toString()}`;
const has = (status: string, key: string, value: string): boolean =>
  new RegExp(`^${key}:\\s+${value}$`, 'm').test(status);

/** A sleeping program of the tenant, fully started, and its /proc. */
async function sleeper(
  t: { teardown(done: () => Promise<void>): void },
  tenant: Tenant,
  confinement = tenant.confinement,
): Promise<string> {
  const launched = await launch({
    file: '/bin/sleep',
    argv: ['sleep', '60'],
    env: { A: '1' },
    cwd: tenant.home,
    confinement,
  });
  t.teardown(async () => {
    launched.kill();
    await launched.result;
  });
  const proc = `/proc/${launched.pid}`;
  for (let tries = 0; tries < 100 && readdirSync(`${proc}/fd`).length > 3; tries += 1) await sleep(5);
  return proc;
}

// Twice: the first launch makes what the second finds warm, and both must hold the same.
for (const time of ['the first launch', 'a launch on what the first left warm']) {
  t.test(`${time} holds every layer`, async (t) => {
    const tenant = makeTenant(1);
    const { uid, cgroup } = tenant.confinement;
    const proc = await sleeper(t, tenant);
    const status = readFileSync(`${proc}/status`, 'utf8');
    t.ok(has(status, 'Uid', `${uid}\t${uid}\t${uid}\t${uid}`), 'all four uids');
    t.ok(has(status, 'Gid', `${uid}\t${uid}\t${uid}\t${uid}`), 'all four gids');
    t.ok(has(status, 'Groups', '\\s*'), 'no supplementary group');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      t.ok(has(status, set, '0{16}'), `${set} is empty`);
    t.ok(has(status, 'NoNewPrivs', '1'));
    t.ok(has(status, 'Seccomp', '2'));
    t.ok(has(status, 'Umask', '0027'));
    for (const set of ['SigBlk', 'SigIgn', 'SigCgt']) t.ok(has(status, set, '0{16}'), set);
    t.same(readdirSync(`${proc}/fd`).sort(), ['0', '1', '2']);
    t.equal(readlinkSync(`${proc}/fd/0`), '/dev/null');
    t.match(readlinkSync(`${proc}/fd/1`), /^pipe:/);
    t.not(readlinkSync(`${proc}/fd/1`), readlinkSync(`${proc}/fd/2`));
    t.equal(readlinkSync(`${proc}/cwd`), tenant.home);
    t.equal(readFileSync(`${proc}/environ`, 'utf8'), 'A=1\0');
    t.equal(readFileSync(`${proc}/oom_score_adj`, 'utf8').trim(), '321');
    const limits = readFileSync(`${proc}/limits`, 'utf8');
    t.match(limits, /Max core file size\s+0\s+0\s/);
    t.match(limits, /Max open files\s+1000\s+2000\s/);
    t.match(limits, /Max cpu time\s+unlimited\s+unlimited\s/);
    const groups = readFileSync(`${proc}/cgroup`, 'utf8');
    t.match(groups, /^0::.*\/openshift\/tenant1\/hook-\d+\.\d+$/m, 'its own group in the v2 tree');
    for (const name of v1Controllers)
      t.match(groups, new RegExp(`^\\d+:${name}:.*/openshift/tenant1$`, 'm'), `the v1 group of ${name}`);
    t.equal(cgroup.v1.length, v1Controllers.length);
    const mounts = readFileSync(`${proc}/mountinfo`, 'utf8');
    for (const [target, source] of [
      ['/tmp', 'tmp'],
      ['/var/tmp', 'var-tmp'],
      ['/dev/shm', 'shm'],
    ] as const) {
      const last =
        mounts
          .split('\n')
          .filter((line) => line.split(' ')[4] === target)
          .at(-1) ?? '';
      t.match(last, new RegExp(`/tenant1/\\.tmp/${source} `), `${target} is the gear's`);
      t.match(last, /\bnosuid,nodev\b/);
      t.equal(statSync(`${proc}/root${target}`).ino, statSync(`${tenant.home}/.tmp/${source}`).ino);
    }
    t.notMatch(mounts, / shared:/, 'no mount goes out to the host');
    t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /tenant1/, 'none of it shows on the host');
  });
}

t.test('Landlock lets the gear use its own and the system, and nothing else', async (t) => {
  if (landlockAbi() === 0) {
    t.comment('this kernel has no Landlock');
    return;
  }
  const tenant = makeTenant(2);
  const other = makeTenant(3);
  chmodSync(other.home, 0o755); // even where mode bits would allow it
  installProgram(other, 'open.txt', 'secret');
  mkdirSync('/srv/open', { recursive: true });
  const works = await run(
    inTenant(
      tenant,
      'set -e; cd data; echo x > a; mv a b; mkdir d; mv b d/b; ln d/b c; rm -r d c; echo y > /tmp/t; cat /tmp/t; echo z > /dev/null; head -c 1 /dev/urandom | wc -c; truncate -s 0 /tmp/t; id -u',
    ),
  );
  t.equal(output(works), `y\n1\n${tenant.confinement.uid}\n`);
  const denied = await run(
    inTenant(
      tenant,
      `cat ${other.home}/open.txt; ls ${other.home}; ls /srv/open; ls /var/log; echo x > /usr/x; : > /dev/zero; cat /root/.profile; true`,
    ),
  );
  t.equal(denied.stdout.toString(), '');
  t.equal(denied.stderr.toString().match(/Permission denied/g)?.length, 7, denied.stderr.toString());
});

t.test('seccomp takes what no application needs', async (t) => {
  const tenant = makeTenant(2);
  const denied = await run(
    inTenant(tenant, 'unshare -U true; unshare -m true; unshare -n true; dmesg -c; true'),
  );
  t.match(output(denied), /unshare failed: Operation not permitted/);
  const works = await run(
    inTenant(
      tenant,
      `${process.execPath} -e 'const w=new (require("worker_threads").Worker)("1",{eval:true});w.on("exit",()=>console.log("threads work"))'`,
    ),
  );
  t.equal(output(works), 'threads work\n');
});

t.test('/dev/stdout and /dev/stderr can be opened by name', async (t) => {
  const result = await run(
    inTenant(makeTenant(2), 'echo one > /dev/stdout; echo two > /dev/stderr; echo three >> /proc/self/fd/1'),
  );
  t.equal(result.stdout.toString(), 'one\nthree\n');
  t.equal(result.stderr.toString(), 'two\n');
});

t.test('a setuid program gains nothing', async (t) => {
  const tenant = makeTenant(2);
  const result = await run(
    inTenant(tenant, 'su root -c id </dev/null; grep CapEff /proc/self/status; id -u'),
  );
  t.match(result.stdout.toString(), new RegExp(`CapEff:\\s+0{16}\\n${tenant.confinement.uid}\\n$`));
});

t.test('the old layout: root, all capabilities kept, environment and group its own', async (t) => {
  const tenant = makeTenant(2);
  const confinement: Confinement = {
    ...tenant.confinement,
    uid: 0,
    gid: 0,
    dropCapabilities: false,
    noNewPrivileges: false,
    seccomp: false,
    landlock: undefined,
    mounts: [],
  };
  const own = readFileSync('/proc/self/status', 'utf8');
  const proc = await sleeper(t, tenant, confinement);
  const status = readFileSync(`${proc}/status`, 'utf8');
  for (const set of ['CapEff', 'CapPrm', 'CapBnd']) {
    t.equal(
      new RegExp(`^${set}:.*$`, 'm').exec(status)?.[0],
      new RegExp(`^${set}:.*$`, 'm').exec(own)?.[0],
      set,
    );
  }
  t.ok(has(status, 'Groups', '\\s*'));
  t.ok(has(status, 'NoNewPrivs', '0'));
  t.match(readFileSync(`${proc}/cgroup`, 'utf8'), /^0::.*\/tenant2\/hook-/m);
  t.equal(readFileSync(`${proc}/environ`, 'utf8'), 'A=1\0');
});

t.test("a directory that leads through the gear's own symlink is walked as the gear", async (t) => {
  const tenant = makeTenant(4);
  mkdirSync('/srv/closed/inside', { recursive: true });
  chmodSync('/srv/closed', 0o700);
  rmSync(`${tenant.home}/data/out`, { force: true });
  symlinkSync('/srv/closed/inside', `${tenant.home}/data/out`);
  await t.rejects(run(inTenant(tenant, 'pwd', { cwd: `${tenant.home}/data/out` })), {
    step: 'cwd',
    code: 'EACCES',
  });
  rmSync(`${tenant.home}/data/out`);
  mkdirSync(`${tenant.home}/data/real`, { recursive: true });
  symlinkSync('real', `${tenant.home}/data/out`);
  t.equal(
    output(await run(inTenant(tenant, 'pwd -P', { cwd: `${tenant.home}/data/out` }))),
    `${tenant.home}/data/real\n`,
  );
});

t.test('the program can name its directory, in the mounts it has', async (t) => {
  const tenant = makeTenant(4);
  for (const cwd of [tenant.home, `${tenant.home}/data`, '/', '/var/tmp']) {
    const options = { file: '/bin/pwd', argv: ['pwd', '-P'], cwd };
    for (let round = 0; round < 2; round += 1)
      t.equal(output(await run(inTenant(tenant, '', options))), `${cwd}\n`);
  }
});

t.test('each step that fails is named, and leaves nothing', async (t) => {
  const tenant = makeTenant(5);
  const own = tenant.confinement;
  mkdirSync('/srv/private', { recursive: true, mode: 0o700 });
  await run(inTenant(tenant, 'true'));
  const descriptors = readdirSync('/proc/self/fd').length;
  const fails = async (
    change: Partial<Confinement>,
    step: string,
    code: string,
    options = {},
  ): Promise<void> => {
    await t.rejects(
      run(inTenant(tenant, 'true', { confinement: { ...own, ...change }, ...options })),
      { step, code },
      `${step}: ${code}`,
    );
  };
  const noMounts = { mounts: [], landlock: undefined };
  await fails({ cgroup: { v2: `${v2Root}/openshift/nobody`, v1: [] } }, 'cgroup', 'ENOENT');
  await fails(
    { cgroup: { v2: own.cgroup.v2, v1: ['/sys/fs/cgroup/cpu/openshift/nobody'] } },
    'cgroup',
    'ENOENT',
  );
  await fails({ mounts: [{ source: '/nowhere', target: '/mnt' }] }, 'mounts', 'ENOENT');
  await fails({ mounts: [{ source: '/srv/private', target: '/mnt/nowhere' }] }, 'mounts', 'ENOENT');
  await fails({ rlimits: { nofile: { soft: 10, hard: 5 } } }, 'rlimits', 'EINVAL');
  await fails({ oomScoreAdj: 5000 }, 'rlimits', 'EINVAL');
  await fails({ label: 'system_u:system_r:openshift_t:s0:c1,c2' }, 'label', 'EINVAL');
  await fails({ ...noMounts, noNewPrivileges: false }, 'seccomp', 'EACCES');
  await fails({ noNewPrivileges: false, seccomp: false }, 'landlock', 'EPERM');
  await fails({}, 'cwd', 'EACCES', { cwd: '/srv/private' });
  await fails({ rlimits: { nofile: { soft: 2, hard: 2 } } }, 'descriptors', 'EBADF');
  await fails({}, 'exec', 'ENOENT', { file: '/nowhere' });
  await fails({}, 'exec', 'EACCES', { file: '/etc/passwd' });
  await fails({ ...noMounts, rlimits: { stack: { soft: 4096, hard: 4096 } } }, 'exec', 'E2BIG', {
    env: { A: 'x'.repeat(100_000) },
  });
  await t.rejects(run(inTenant(tenant, 'true', { confinement: { ...own, uid: -1 } })), /no account number/);
  await sleep(3500); // what is kept warm has been let go of
  t.same(tenant.groups(), []);
  t.ok(readdirSync('/proc/self/fd').length <= descriptors, 'no descriptor is left');
});

t.test('the gear may have fewer files open than the launcher has', async (t) => {
  const tenant = makeTenant(2);
  const held = Array.from({ length: 100 }, () => openSync('/dev/null', 'r'));
  const rlimits = { nofile: { soft: 20, hard: 20 } };
  const result = await run(
    inTenant(tenant, 'ulimit -n', { confinement: { ...tenant.confinement, rlimits } }),
  );
  for (const descriptor of held) closeSync(descriptor);
  t.equal(output(result), '20\n');
});

t.test('an account without privileges is refused at the step that needs them', async (t) => {
  const tenant = makeTenant(6);
  const module = new URL('../../src/native/launch.js', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(async ({ run }) => {
    const base = { uid: 21007, gid: 21007, cgroup: { v2: undefined, v1: [] }, mounts: [], rlimits: {}, umask: 18, oomScoreAdj: 500,
      label: undefined, dropCapabilities: true, noNewPrivileges: true, seccomp: true, landlock: undefined };
    const go = (change) => run({ file: '/bin/true', argv: ['true'], env: {}, cwd: '/', confinement: { ...base, ...change } })
      .then(() => 'ran', (error) => error.step + ' ' + error.code);
    console.log(await go({}));
    console.log(await go({ dropCapabilities: false }));
    console.log(await go({ mounts: [{ source: '/usr', target: '/mnt' }] }));
    console.log((await run({ file: '/usr/bin/id', argv: ['id', '-u'], env: {}, cwd: '/' })).stdout.toString().trim());
  });`;
  const result = await run({
    file: process.execPath,
    argv: ['node', '-e', script],
    env: {},
    cwd: '/',
    confinement: { ...tenant.confinement, seccomp: false, landlock: undefined, rlimits: {} },
  });
  const [capabilities, identity, mounts, own] = result.stdout.toString().split('\n');
  t.match(capabilities, /^capabilities EPERM$/, result.stderr.toString());
  t.match(identity, /^identity EPERM$/);
  t.match(mounts, /^(clone|mounts) EPERM$/);
  t.equal(own, String(tenant.confinement.uid), 'without a confinement it may launch as itself');
});

t.test('a gear that is destroyed and made again is not launched into what it was', async (t) => {
  const first = makeTenant(8);
  await run(inTenant(first, 'echo old > /tmp/mark; sleep 0.1'));
  await run(inTenant(first, 'cat /tmp/mark'));
  rmSync(first.home, { recursive: true });
  for (const group of [
    ...first.groups().map((name) => `${first.confinement.cgroup.v2}/${name}`),
    first.confinement.cgroup.v2 ?? '',
    ...first.confinement.cgroup.v1,
  ]) {
    rmdirSync(group);
  }
  const second = makeTenant(8);
  const result = await run(
    inTenant(second, 'ls /tmp; echo new > data/file; cat data/file; grep ^0:: /proc/self/cgroup'),
  );
  t.match(output(result), /^new\n0::.*\/tenant8\/hook-/);
});
