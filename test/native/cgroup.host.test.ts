// How launches end: as groups, whatever their processes do; and the small acts on groups themselves.
import t from 'tap';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { freeze, killGroup, pids, thaw, waitEmpty } from '../../src/native/cgroup.js';
import { launch, run, type Confinement } from '../../src/native/launch.js';
import { inTenant, makeTenant, processesOf, v1Controllers, v2Root } from './tenant.js';
import { requireHost } from '../hosts/inside.js';

requireHost();

/** A daemon that has left its session, closed its pipes and ignores what can be ignored. */
const DAEMON = '(trap "" HUP INT TERM; setsid sleep 300 </dev/null >/dev/null 2>&1 &) &';

t.test('at the end of a launch nothing of it lives, however it hid', async (t) => {
  const tenant = makeTenant(1);
  const result = await run(inTenant(tenant, `${DAEMON} sleep 300 & echo started; exit 3`));
  t.equal(result.exitCode, 3);
  t.equal(result.stdout.toString(), 'started\n');
  t.same(processesOf(tenant.confinement.uid), []);
});

t.test('a fork bomb dies with its launch', async (t) => {
  const tenant = makeTenant(1);
  const limited: Confinement = { ...tenant.confinement, rlimits: { nproc: { soft: 60, hard: 60 } } };
  const result = await run(
    inTenant(tenant, 'b() { b | b & }; b; sleep 60', {
      confinement: limited,
      deadline: 1500,
      maxOutput: 1000,
    }),
  );
  t.equal(result.timedOut, true);
  t.same(processesOf(tenant.confinement.uid), []);
});

t.test('a deadline and an abort end stopped and deaf processes', async (t) => {
  const tenant = makeTenant(1);
  const stopped = await run(inTenant(tenant, `${DAEMON} trap "" TERM; kill -STOP $$`, { deadline: 300 }));
  t.equal(stopped.timedOut, true);
  t.equal(stopped.signal, 'SIGKILL');
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 100);
  const aborted = await run(inTenant(tenant, `${DAEMON} sleep 60`, { signal: controller.signal }));
  t.equal(aborted.aborted, true);
  t.same(processesOf(tenant.confinement.uid), []);
});

t.test('keep: services stay in a group of their own, with the gear; on a deadline they do not', async (t) => {
  const tenant = makeTenant(2);
  const { uid, cgroup } = tenant.confinement;
  const result = await run(inTenant(tenant, 'sleep 300 & echo started', { keep: true, drain: 50 }));
  t.equal(result.exitCode, 0);
  t.equal(result.stdout.toString(), 'started\n');
  t.equal(processesOf(uid).length, 1);
  t.match(
    tenant
      .groups()
      .filter((name) => name.startsWith('svc-'))
      .join(),
    /^svc-\d+\.\d+$/,
  );
  t.equal((await run(inTenant(tenant, 'true'))).exitCode, 0);
  t.equal(processesOf(uid).length, 1, 'a later hook of the gear does not touch it');
  const late = await run(inTenant(tenant, 'sleep 200 & sleep 60', { keep: true, deadline: 300 }));
  t.equal(late.timedOut, true);
  t.equal(
    processesOf(uid).length,
    1,
    'a start that did not end in time is undone, not the service before it',
  );
  killGroup(cgroup.v2 ?? '');
  t.equal(await waitEmpty(cgroup.v2 ?? '', 2000), true);
  t.same(processesOf(uid), []);
  t.equal(
    (await run(inTenant(tenant, 'echo again', { keep: true }))).stdout.toString(),
    'again\n',
    'also after the gear was killed',
  );
  t.same(
    tenant.groups().filter((name) => name.startsWith('svc-')),
    [],
    'an empty service group is not kept',
  );
});

t.test('one hook may signal what another of the same gear started', async (t) => {
  const tenant = makeTenant(2);
  await run(inTenant(tenant, 'sleep 300 & echo $! > data/pid', { keep: true, drain: 10 }));
  const stopped = await run(inTenant(tenant, 'kill $(cat data/pid) && echo signalled'));
  t.equal(stopped.stdout.toString(), 'signalled\n', stopped.stderr.toString());
});

t.test('groups that somebody kills or freezes meanwhile', async (t) => {
  const tenant = makeTenant(3);
  const gear = tenant.confinement.cgroup.v2 ?? '';
  for (let round = 0; round < 5; round += 1) {
    t.equal((await run(inTenant(tenant, 'echo ok'))).stdout.toString(), 'ok\n', `round ${round}`);
    killGroup(gear);
  }
  freeze(gear);
  const waiting = run(inTenant(tenant, 'echo thawed'));
  const others = await Promise.all(
    Array.from({ length: 8 }, () => run(inTenant(makeTenant(4), 'echo free'))),
  );
  t.ok(
    others.every((result) => result.stdout.toString() === 'free\n'),
    'a gear that hangs at birth holds up nobody else',
  );
  thaw(gear);
  t.equal((await waiting).stdout.toString(), 'thawed\n');
  freeze(gear);
  const never = await Promise.all(
    Array.from({ length: 12 }, () => run(inTenant(tenant, 'echo x', { deadline: 400 }))),
  );
  t.ok(
    never.every((result) => result.timedOut),
    'a deadline also holds for one that was never let run',
  );
  thaw(gear);
  t.equal((await run(inTenant(tenant, 'echo ok'))).stdout.toString(), 'ok\n');
});

t.test('list, wait, and groups that are not there', async (t) => {
  const tenant = makeTenant(3);
  const gear = tenant.confinement.cgroup.v2 ?? '';
  const launched = await launch(inTenant(tenant, 'sleep 60'));
  t.ok(pids(gear).includes(launched.pid));
  t.notOk(pids(gear, true).includes(launched.pid), 'it is in a group below');
  t.equal(await waitEmpty(gear, 50), false);
  setTimeout(() => launched.kill(), 50);
  t.equal(await waitEmpty(gear, 3000), true);
  await launched.result;
  t.same(pids(`${gear}/nothing`), []);
  t.equal(await waitEmpty(`${gear}/nothing`, 10), true);
  t.doesNotThrow(() => killGroup(`${gear}/nothing`));
  t.throws(() => freeze(`${gear}/nothing`), { code: 'ENOENT' });
});

t.test('only v1: the launch is ended by freezer or by signals', async (t) => {
  if (v1Controllers.length === 0) {
    t.comment('this machine has no v1 hierarchy');
    return;
  }
  for (const holders of [
    ['freezer', 'memory'],
    ['cpu', 'pids'],
    ['cpu', 'memory'],
  ]) {
    const tenant = makeTenant(5);
    const v1 = holders.map((name) => `/sys/fs/cgroup/${name}/openshift/tenant5`);
    if (!holders.every((name) => existsSync(`/sys/fs/cgroup/${name}/tasks`))) continue;
    for (const group of v1) mkdirSync(group, { recursive: true });
    const confinement: Confinement = { ...tenant.confinement, cgroup: { v2: undefined, v1 } };
    const result = await run(
      inTenant(tenant, `${DAEMON} grep -E ":(${holders.join('|')}):" /proc/self/cgroup; exit 4`, {
        confinement,
      }),
    );
    t.equal(result.exitCode, 4);
    const lines = result.stdout.toString().trim().split('\n');
    t.equal(lines.length, 2);
    t.equal(
      lines.filter((line) => /tenant5\/hook-\d+\.\d+$/.test(line)).length,
      1,
      `one group of ${holders.join(' and ')} holds the launch`,
    );
    t.same(processesOf(tenant.confinement.uid), [], holders.join());
    t.same(
      v1.flatMap((group) => readdirSync(group).filter((name) => name.startsWith('hook-'))),
      [],
    );
    const late = await run(inTenant(tenant, `${DAEMON} sleep 60`, { confinement, deadline: 200 }));
    t.equal(late.timedOut, true);
    t.same(processesOf(tenant.confinement.uid), []);
  }
});

t.test('groups of a launcher that was killed are cleared away by the next one', async (t) => {
  const tenant = makeTenant(6);
  const module = new URL('../../src/native/launch.js', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(async ({ run }) => {
    const confinement = ${JSON.stringify({ ...tenant.confinement, rlimits: {} })};
    const options = { file: '/bin/sleep', argv: ['sleep', '300'], env: {}, cwd: '/', confinement };
    await run({ ...options, argv: ['sleep', '0'] });
    run(options);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200);
  });`;
  const killed = await run({
    file: process.execPath,
    argv: ['node', '-e', script],
    env: {},
    cwd: '/',
    keep: true,
  });
  t.equal(killed.signal, 'SIGKILL', killed.stderr.toString());
  t.equal(processesOf(tenant.confinement.uid).length, 1);
  t.equal((await run(inTenant(tenant, 'echo ok'))).stdout.toString(), 'ok\n');
  t.same(processesOf(tenant.confinement.uid), []);
  t.same(
    tenant.groups().filter((name) => !name.includes(`-${process.pid}.`)),
    [],
  );
});

t.test('a launcher whose own group was once killed launches like any other', async (t) => {
  const tenant = makeTenant(7);
  const own = `${v2Root}/launcher`;
  mkdirSync(own, { recursive: true });
  killGroup(own);
  const module = new URL('../../src/native/launch.js', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(async ({ run }) => {
    const confinement = ${JSON.stringify({ ...tenant.confinement, rlimits: {} })};
    const options = { file: '/bin/bash', argv: ['bash', '-c', 'grep ^0:: /proc/self/cgroup'], env: {}, cwd: '/', confinement };
    for (let round = 0; round < 3; round += 1) process.stdout.write((await run(options)).stdout);
  });`;
  const result = await run({
    file: '/bin/bash',
    argv: [
      'bash',
      '-c',
      'echo $$ > "$1" && exec "$2" -e "$3"',
      'bash',
      `${own}/cgroup.procs`,
      process.execPath,
      script,
    ],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
  });
  t.match(result.stdout.toString(), /^(0::.*\/tenant7\/hook-\d+\.\d+\n){3}$/, result.stderr.toString());
});

t.test('1,000 hooks at once over 50 gears: none lost, no descriptor, no zombie, no group left', async (t) => {
  const tenants = Array.from({ length: 50 }, (_, index) => makeTenant(100 + index));
  await Promise.all(tenants.slice(0, 10).map((tenant) => run(inTenant(tenant, 'true'))));
  await sleep(3500);
  const before = readdirSync('/proc/self/fd').length;
  const results = await Promise.all(
    Array.from({ length: 1000 }, async (_, index) => {
      const tenant = tenants[index % 50];
      if (tenant === undefined) throw new Error('no tenant');
      const result = await run(inTenant(tenant, `echo ${index} $UID; exit ${index % 100}`));
      return `${result.stdout.toString().trim()} ${result.exitCode}`;
    }),
  );
  t.same(
    results,
    results.map((_, index) => `${index} ${21100 + (index % 50)} ${index % 100}`),
  );
  await sleep(3500);
  t.equal(readdirSync('/proc/self/fd').length, before, 'no descriptor is left');
  t.same(
    tenants.flatMap((tenant) => tenant.groups()),
    [],
    'no group is left',
  );
  t.same(
    tenants.flatMap((tenant) => processesOf(tenant.confinement.uid)),
    [],
    'no process is left',
  );
  // A child is its launching thread's: every thread is asked.
  const children = readdirSync('/proc/self/task').map((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim(),
  );
  t.equal(children.join(''), '', 'no zombie is left');
});
