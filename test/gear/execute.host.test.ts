/** A program inside a gear: who it is, what it has and what it sees; and the one profile that is root's. */
import t from 'tap';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { executeAsNode, executeInGear } from '../../src/gear/execute.js';
import { openGear } from '../../src/gear/gear.js';
import { liftLimits } from '../../src/gear/limits.js';
import { gearEnvironment, removeVariable, setVariable } from '../../src/gear/environment.js';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { hostNode } from '../operations/host-node.js';

const node = await hostNode();
await createGear(node, { uuid: 'g1', appName: 'phpapp', namespace: 'demo' });
const gear = openGear(node, 'g1');

async function bash(script: string): Promise<string> {
  const result = await executeInGear(node, gear, {
    file: '/bin/bash',
    argv: ['bash', '-c', script],
    stderr: 'merge',
  });
  return result.stdout.toString('utf8');
}

t.test('identity, capabilities, limits', async (t) => {
  const status = await bash('cat /proc/self/status; ulimit -u; umask');
  t.match(status, /^Uid:\t507\t507\t507\t507$/m);
  t.match(status, /^Gid:\t507\t507\t507\t507$/m);
  t.match(status, /^Groups:\t *(507 )?$/m);
  for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    t.match(status, new RegExp(`^${name}:\\t0+$`, 'm'));
  t.match(status, /^NoNewPrivs:\t1$/m);
  t.match(status, /^Seccomp:\t2$/m);
  t.match(status, /\n250\n0077\n$/);
});

t.test('environment from nothing, the home as working directory, three descriptors', async (t) => {
  process.env['LEAKED'] = 'yes';
  setVariable(node, gear, 'MY_OWN', 'a value\nof two lines');
  const text = await bash('env -0 | tr "\\0" "|"; echo; pwd; ls /proc/self/fd | wc -l');
  t.match(text, /\|?MY_OWN=a value\nof two lines\|/);
  t.match(text, /OPENSHIFT_GEAR_UUID=g1\|/);
  t.match(text, /(^|\|)HOME=\/var\/lib\/openshift\/g1\/\|/);
  t.match(text, /(^|\|)USER=g1\|/);
  t.notMatch(text, /LEAKED/);
  t.match(text, /\n\/var\/lib\/openshift\/g1\n4\n$/, 'three, and the one that ls itself opens');
});

t.test(
  'the environment is that of the files at each launch, however often it was composed before',
  async (t) => {
    const ask = (name: string): Promise<string> => bash(`printf %s "$${name}"`);
    setVariable(node, gear, 'CHANGES', 'first');
    for (let time = 0; time < 3; time++) t.equal(await ask('CHANGES'), 'first');
    await sleep(150); // long enough ago to be taken from memory
    for (let time = 0; time < 3; time++) t.equal(await ask('CHANGES'), 'first');
    for (const value of ['other', 'third']) {
      writeFileSync(`${gear.home}/.env/CHANGES`, value); // in place, by an administrator
      t.equal(await ask('CHANGES'), value);
    }
    removeVariable(gear, 'CHANGES');
    t.equal(await ask('CHANGES'), '');
    gearEnvironment(node, gear)['OPENSHIFT_GEAR_UUID'] = 'of the caller alone';
    t.equal(await ask('OPENSHIFT_GEAR_UUID'), 'g1');
  },
);

t.test('its own /tmp, and nothing of others', async (t) => {
  writeFileSync('/tmp/of-the-host', 'x');
  await createGear(node, { uuid: 'g2', appName: 'other', namespace: 'demo' });
  const text = await bash(
    'ls /tmp; echo mine > /tmp/file; cat /tmp/file; ls /var/lib/openshift/g2 2>&1; cat /var/lib/openshift/.confinement/g2 2>&1; ls -d /var/lib/openshift/.journal/x 2>&1; touch /dev/shm/x && echo shm',
  );
  t.notMatch(text, /of-the-host/);
  t.match(text, /^mine$/m);
  t.match(text, /g2'?: Permission denied/);
  t.match(text, /confinement\/g2: Permission denied/);
  t.match(text, /^shm$/m);
  t.equal(readFileSync('/var/lib/openshift/g1/.tmp/tmp/file', 'utf8'), 'mine\n');
  t.notOk(existsSync('/tmp/file'));
  await destroyGear(node, { uuid: 'g2' });
});

t.test('it runs in the group of the gear, in the version 2 tree and in the controllers', async (t) => {
  const groups = await bash('cat /proc/self/cgroup');
  if (node.cgroups.v2 !== undefined) t.match(groups, /^0::.*\/openshift\/g1\/hook-/m);
  if (node.cgroups.v1.memory !== undefined) t.match(groups, /:memory:.*\/openshift\/g1$/m);
  if (node.cgroups.v1.pids !== undefined) t.match(groups, /:pids:.*\/openshift\/g1$/m);
});

t.test('after a reboot, when the groups are gone, the limits are put in force first', async (t) => {
  await new Promise((resolve) => setTimeout(resolve, 2500)); // what a launch keeps warm is let go
  await liftLimits(node, 'g1');
  const groups = await bash('cat /proc/self/cgroup');
  t.match(groups, /openshift\/g1/);
  const { memory } = node.cgroups.v1;
  if (memory !== undefined) {
    t.equal(readFileSync(`${memory}/openshift/g1/memory.limit_in_bytes`, 'utf8').trim(), '536870912');
  }
});

t.test('a deadline ends the program with all it started', async (t) => {
  const result = await executeInGear(node, gear, {
    file: '/bin/bash',
    argv: ['bash', '-c', 'sleep 1000 & sleep 1000'],
    deadline: 300,
  });
  t.ok(result.timedOut);
  const left = await bash('grep -l sleep /proc/[0-9]*/comm 2>/dev/null | wc -l');
  t.equal(left.trim(), '0');
});

t.test(
  'an old-layout hook runs as root with a clean environment, in a group of its own, unless forbidden',
  async (t) => {
    const result = await executeAsNode(node, {
      file: '/bin/bash',
      argv: ['bash', '-c', 'id -u; cat /proc/self/cgroup; env; pwd'],
      stderr: 'merge',
      env: { ONLY: 'this' },
    });
    const text = result.stdout.toString('utf8');
    t.equal(result.exitCode, 0, text);
    t.match(text, /^0$/m);
    if (node.cgroups.v2 !== undefined) t.match(text, /^0::.*\/openshift\/\.node\/hook-/m);
    t.match(text, /^ONLY=this$/m);
    t.notMatch(text, /LEAKED/);
    const strict = await hostNode({ config: ['ALLOW_OLD_LAYOUT_CARTRIDGES=false'] });
    await t.rejects(executeAsNode(strict, { file: '/bin/true', argv: ['true'] }), { code: 'ERR_OLD_LAYOUT' });
  },
);

t.teardown(() => destroyGear(node, { uuid: 'g1' }));
