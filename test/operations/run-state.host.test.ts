/**
 * Stops and starts where something stands in the way: a gear is stopped whatever its tenant has planted, no operation
 * is left open that would block the next one, and nothing that a killed node had started works on beside recovery.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { gearEnvironment } from '../../src/gear/environment.js';
import { groupPath } from '../../src/gear/limits.js';
import { readState, readStopLock } from '../../src/gear/state.js';
import { processes } from '../../src/host/cgroup.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { recover } from '../../src/operations/recover.js';
import { startGear } from '../../src/operations/start.js';
import { stopGear } from '../../src/operations/stop.js';
import { act, cartridgeNode, emptyGear, uuid } from '../cartridge/cartridge-node.js';

const node = await cartridgeNode();
const gear = await emptyGear(node);
const running = (): number => processes(node.cgroups, groupPath(node, uuid)).length;
const open = (): readonly string[] => readdirSync(node.paths.journal);
const plant = (path: string, content: string): void => {
  writeFileSync(`${gear.home}/${path}`, content);
  chownSync(`${gear.home}/${path}`, gear.uid, gear.gid);
};
t.equal((await act(node, 'probe-1.0', 'configure')).exitCode, 0);

await t.test(
  'a forced stop that no user asked for ends everything and lets the next boot start it',
  async (t) => {
    t.equal(running(), 1);
    t.equal((await stopGear(node, { uuid, force: true, userInitiated: false })).exitCode, 0);
    t.equal(running(), 0);
    t.equal(readStopLock(gear), undefined);
    t.equal(readState(gear), 'stopped');
    t.equal((await startGear(node, { uuid, userInitiated: false })).exitCode, 0);
    t.equal(running(), 1);
    t.equal(readState(gear), 'started');
  },
);

await t.test('one that its user has stopped is left alone', async (t) => {
  await stopGear(node, { uuid, reason: 'unpaid' });
  t.equal(readStopLock(gear), 'unpaid');
  await stopGear(node, { uuid, force: true, userInitiated: false });
  await startGear(node, { uuid, userInitiated: false });
  t.equal(readStopLock(gear), 'unpaid');
  t.equal(running(), 0);
  await startGear(node, { uuid });
  t.equal(running(), 1);
});

await t.test(
  'an environment that no program could be started with stops neither a stop nor a start',
  async (t) => {
    for (let n = 0; n < 60; n += 1) plant(`.env/user_vars/BIG${n}`, 'x'.repeat(60_000));
    plant('.env/user_vars/HUGE', 'x'.repeat(200_000));
    mkdirSync(`${gear.home}/probe/env/DIRECTORY`);
    const variables = gearEnvironment(node, gear);
    t.notOk('HUGE' in variables);
    t.equal(variables['OPENSHIFT_GEAR_UUID'], uuid, 'what the node says of the gear is never left out');
    t.equal((await stopGear(node, { uuid })).exitCode, 0);
    t.equal(running(), 0);
    t.equal((await startGear(node, { uuid })).exitCode, 0);
    t.equal(running(), 1);
  },
);

await t.test('a hook of the tenant that fails keeps nothing alive', async (t) => {
  const hooks = `${gear.home}/app-root/runtime/repo/.openshift/action_hooks`;
  mkdirSync(hooks, { recursive: true });
  writeFileSync(`${hooks}/pre_stop`, '#!/bin/bash\nexit 7\n', { mode: 0o755 });
  const result = await stopGear(node, { uuid });
  t.equal(result.exitCode, 7);
  t.match(result.output, /CLIENT_ERROR: Failed to execute action hook 'pre_stop'/);
  t.equal(running(), 0);
  t.equal(readState(gear), 'stopped');
  t.equal(readStopLock(gear), '');
  t.same(open(), []);
  writeFileSync(`${hooks}/pre_stop`, '#!/bin/bash\nexit 0\n', { mode: 0o755 });
  await startGear(node, { uuid });
});

await t.test(
  'a hook that a killed node was waiting for is ended before anything is taken back',
  async (t) => {
    const begun = `${gear.home}/app-root/data/begun`;
    const done = `${gear.home}/app-root/data/done`;
    const hooks = `${gear.home}/app-root/runtime/repo/.openshift/action_hooks`;
    writeFileSync(`${hooks}/pre_restart`, `#!/bin/bash\ntouch ${begun}; sleep 3; touch ${done}\n`, {
      mode: 0o755,
    });
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('./crash-child.js', import.meta.url)),
      'restart',
      uuid,
    ]);
    for (let tries = 0; tries < 200 && !existsSync(begun); tries += 1) await sleep(20);
    t.ok(existsSync(begun));
    child.kill('SIGKILL');
    await once(child, 'exit');
    writeFileSync(`${hooks}/pre_restart`, '#!/bin/bash\nexit 0\n', { mode: 0o755 });
    t.match(await recover(node), [{ gear: uuid, operation: 'run-state', outcome: 'forward' }]);
    await sleep(4000);
    t.notOk(existsSync(done), 'the first hook did not go on');
    t.same(open(), []);
  },
);

await t.test('directories too full to be listed, or no directories, hold up no deconfigure', async (t) => {
  rmSync(`${gear.home}/app-root/runtime/repo/.openshift`, { recursive: true });
  t.equal((await act(node, 'php-8.2', 'configure')).exitCode, 0);
  const logs = `${gear.home}/app-root/logs`;
  const code = `${gear.home}/app-root/runtime/repo`;
  for (let n = 0; n <= 100_000; n += 1) writeFileSync(`${logs}/${n}`, '');
  rmSync(code, { recursive: true });
  symlinkSync('/etc', code);
  t.equal((await act(node, 'php-8.2', 'deconfigure')).exitCode, 0);
  t.same(open(), []);
  t.ok(lstatSync(code).isDirectory());
  t.same([lstatSync(code).mode & 0o7777, lstatSync(code).uid, readdirSync(code)], [0o750, gear.uid, []]);
  t.same(readdirSync(`${gear.home}/app-deployments`), ['by-id']);
});

t.teardown(() => destroyGear(node, { uuid }));
