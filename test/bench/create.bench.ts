/**
 * What an empty gear costs: in process, by command, and beside `useradd` alone, with 10, 1,000 and 5,000 gears on the
 * node, on a disk. The three are interleaved round by round, so that a busy machine weighs on all of them alike.
 * Arguments: rounds (40), numbers of gears (10,1000,5000).
 */
import { execFile } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { hostNode } from '../operations/host-node.js';
import { longestBlock } from './loop-delay.js';
import { figures, heading, row, type Figures } from './statistics.js';

const rounds = Number(process.argv[2] ?? '40');
const sizes = (process.argv[3] ?? '10,1000,5000').split(',').map(Number);
const run = promisify(execFile);
const command = fileURLToPath(new URL('../../../dist/bin/oo-app-create', import.meta.url));
const node = await hostNode({ firstUid: 1000, lastUid: 60_000 });

function request(uuid: string) {
  return { uuid, appUuid: uuid, appName: 'bench', name: 'bench', namespace: 'bench' };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1000;
}

let present = 0;
async function fill(wanted: number): Promise<void> {
  while (present < wanted) {
    const batch = Array.from({ length: Math.min(50, wanted - present) }, (_, n) => present + n);
    await Promise.all(batch.map((n) => createGear(node, request(`gear${String(n).padStart(28, '0')}`))));
    present += batch.length;
  }
}

function byCommand(uuid: string): Promise<unknown> {
  return run(process.execPath, [
    command,
    '--with-container-uuid',
    uuid,
    '--with-app-uuid',
    uuid,
    '--with-app-name',
    'bench',
    '--with-namespace',
    'bench',
  ]);
}

let first: Figures | undefined;
for (const wanted of sizes) {
  await fill(wanted);
  const samples = {
    process: [] as number[],
    command: [] as number[],
    useradd: [] as number[],
    destroy: [] as number[],
  };
  for (let round = 0; round < rounds + 3; round += 1) {
    const inProcess = await timed(() => createGear(node, request('bench1')));
    const destroyed = await timed(() => destroyGear(node, { uuid: 'bench1' }));
    const commanded = await timed(() => byCommand('bench2'));
    await destroyGear(node, { uuid: 'bench2' });
    const added = await timed(() => run('/usr/sbin/useradd', ['-m', '-c', 'bench', 'bench3']));
    await run('/usr/sbin/userdel', ['-r', 'bench3']).catch(() => undefined);
    if (round < 3) continue;
    samples.process.push(inProcess);
    samples.destroy.push(destroyed);
    samples.command.push(commanded);
    samples.useradd.push(added);
  }
  const block = await longestBlock(() => createGear(node, request('bench1')));
  await destroyGear(node, { uuid: 'bench1' });
  const created = figures(samples.process);
  first ??= created;
  console.log(
    `\n${wanted} gears present, ${rounds} interleaved rounds, load ${(loadavg()[0] ?? 0).toFixed(1)}`,
  );
  console.log(heading);
  console.log(row('create, in process', created, first));
  console.log(row('create, by command', figures(samples.command)));
  console.log(row('useradd -m alone', figures(samples.useradd)));
  console.log(row('destroy, in process', figures(samples.destroy)));
  console.log(`longest block of the event loop during a create: ${(block / 1000).toFixed(1)} ms`);
}
