/**
 * What a gear leaves behind on purpose (processes outside its group, IPC objects, awkward files) goes with
 * it.
 */
import t from 'tap';
import { execa } from 'execa';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { executeInGear } from '../../src/gear/execute.js';
import { openGear } from '../../src/gear/gear.js';
import { ownedIds } from '../../src/host/sysv-ipc.js';
import { processes } from '../../src/host/cgroup.js';
import { groupPath, liftLimits } from '../../src/gear/limits.js';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { stopGear } from '../../src/operations/stop.js';
import { startGear } from '../../src/operations/start.js';
import { readState, readStopLock } from '../../src/gear/state.js';
import { differences, dumpHost } from '../hosts/dump.js';
import { hostNode } from './host-node.js';

const node = await hostNode();
const uuid = 'g1';
const make = () => createGear(node, { uuid, appName: 'phpapp', namespace: 'demo' });

function processesOf(uid: number): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        return new RegExp(`^Uid:\\s+${uid}\\s`, 'm').test(status) && !/^State:\s+Z/m.test(status)
          ? [/^Name:\s+(.*)$/m.exec(status)?.[1] ?? '']
          : [];
      } catch {
        return [];
      }
    });
}

/** A process of the gear's uid that no door of the gear has started. */
async function stray(): Promise<void> {
  const before = processesOf(507).length;
  const child = execa(
    'setpriv',
    ['--reuid=507', '--regid=507', '--clear-groups', 'setsid', 'sleep', '1000'],
    {
      detached: true,
      stdio: 'ignore',
      reject: false,
    },
  );
  child.unref();
  for (let n = 0; n < 100 && processesOf(507).length === before; n += 1) await sleep(20);
}

/** A service as a cartridge's start leaves it. */
async function service(): Promise<void> {
  const script =
    'setsid sleep 2000 </dev/null >/dev/null 2>&1 & disown; for i in 1 2 3; do (setsid sleep 3000 >/dev/null 2>&1 &) ; done';
  await executeInGear(node, openGear(node, uuid), {
    file: '/bin/bash',
    argv: ['bash', '-c', script],
    keep: true,
  });
}

t.test(
  'processes inside and outside of the group die at a stop, whatever the state is left at',
  async (t) => {
    await make();
    await service();
    await stray();
    t.ok(processes(node.cgroups, groupPath(node, uuid)).length >= 4, 'services live in the group');
    t.ok(processesOf(507).length >= 5);
    const result = await stopGear(node, { uuid, force: true, reason: 'maintenance' });
    t.equal(result.exitCode, 0);
    t.same(processesOf(507), []);
    const gear = openGear(node, uuid);
    t.equal(readState(gear), 'stopped');
    t.equal(readStopLock(gear), 'maintenance');
    t.match(await stopGear(node, { uuid }), { output: /^ATTR: status=ALREADY_STOPPED\n/, exitCode: 0 });
    t.match(await startGear(node, { uuid, userInitiated: false }), { exitCode: 0 });
    t.equal(readStopLock(gear), 'maintenance', 'a boot does not start what a user has stopped');
    await destroyGear(node, { uuid });
  },
);

t.test(
  "a start puts today's limits in force, higher or lower, also when a reboot has taken the group",
  async (t) => {
    await make();
    const memory = node.cgroups.v1.memory;
    const limitNow = () =>
      readFileSync(`${String(memory)}/openshift/${uuid}/memory.limit_in_bytes`, 'utf8').trim();
    for (const mebibytes of [1024, 64, 256]) {
      const bytes = mebibytes * 1_048_576;
      const changed = await hostNode({
        limits: [
          `memory_limit_in_bytes=${bytes}`,
          `memory_memsw_limit_in_bytes=${bytes}`,
          `limits_nproc=${mebibytes}`,
        ],
      });
      await startGear(changed, { uuid, userInitiated: false });
      if (memory !== undefined) t.equal(limitNow(), String(bytes));
      t.match(
        readFileSync(`/var/lib/openshift/.confinement/${uuid}`, 'utf8'),
        `rlimit.nproc=${mebibytes}:${mebibytes}\n`,
      );
    }
    await liftLimits(node, uuid);
    await hostNode();
    await startGear(node, { uuid, userInitiated: false });
    if (memory !== undefined) t.equal(limitNow(), '536870912');
    await destroyGear(node, { uuid });
  },
);

t.test('IPC objects, awkward files and running processes: the host is as before', async (t) => {
  const before = await dumpHost();
  await make();
  const script = [
    'ipcmk -M 4096 -p 0600',
    'ipcmk -Q',
    'ipcmk -S 1',
    'cd app-root/data',
    'mkdir -p "$(printf "deep/%.0s" {1..300})"',
    'mkfifo fifo',
    'ln -s / root',
    'ln -s loop loop',
    'touch -- "-rf" "a\nb" .hidden',
    'chmod 0 deep',
    'mkdir locked; touch locked/x; chmod 0 locked',
    'touch /tmp/in-tmp /dev/shm/in-shm',
  ].join('\n');
  const made = await executeInGear(node, openGear(node, uuid), {
    file: '/bin/bash',
    argv: ['bash', '-c', script],
    stderr: 'merge',
  });
  t.match(made.stdout.toString(), /Shared memory id/);
  t.equal(ownedIds(readFileSync('/proc/sysvipc/shm', 'utf8'), 507).length, 1);
  await service();
  await stray();
  t.same(await destroyGear(node, { uuid }), { output: '', exitCode: 0 });
  for (const kind of ['shm', 'msg', 'sem']) {
    t.same(ownedIds(readFileSync(`/proc/sysvipc/${kind}`, 'utf8'), 507), [], kind);
  }
  t.same(processesOf(507), []);
  t.same(differences(before, await dumpHost()), []);
});

t.test(
  'a gear with an entry that nobody can recover refuses all but its destroy, which crosses it out',
  async (t) => {
    await make();
    const head = JSON.stringify({ version: 1, gear: uuid, operation: 'of-the-future', input: {} });
    writeFileSync(`/var/lib/openshift/.journal/${uuid}.of-the-future.1.json`, `${head}\n`);
    await t.rejects(stopGear(node, { uuid }), { code: 'ERR_RECOVER', message: /of-the-future.*kept/ });
    await destroyGear(node, { uuid });
    t.same(readdirSync('/var/lib/openshift/.journal'), []);
    await make();
    await destroyGear(node, { uuid });
  },
);

t.test('an account that is no gear is left alone', async (t) => {
  await t.rejects(destroyGear(node, { uuid: 'root' }), { code: 'ERR_NO_GEAR' });
  await t.rejects(destroyGear(node, { uuid: 'daemon' }), { code: 'ERR_NO_GEAR' });
  await t.rejects(destroyGear(node, { uuid: '../x' }), { code: 'ERR_BAD_UUID', exitCode: 255 });
  t.match((await execa('id', ['-u', 'daemon'])).stdout, /^1$/);
});
