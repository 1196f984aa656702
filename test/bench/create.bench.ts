/**
 * What an empty gear costs: create in process and by command, beside `useradd` alone, at 10, 1,000 and 5,000 gears that
 * are already on the node, on a disk where a sync costs what it costs. The rounds of the contenders interleave.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { hostNode } from '../operations/host-node.js';
import { figures, heading, milliseconds, row, type Figures } from './statistics.js';

const execute = promisify(execFile);
const rounds = Number(process.argv[2] ?? '40');
const counts = (process.argv[3] ?? '10,1000,5000').split(',').map(Number);
const command = fileURLToPath(new URL('../../bin/oo-app-create', import.meta.url));
const node = await hostNode({ firstUid: 1000, lastUid: 9000 });

function input(uuid: string): {
  uuid: string;
  appUuid: string;
  appName: string;
  name: string;
  namespace: string;
} {
  return { uuid, appUuid: uuid, appName: 'bench', name: 'bench', namespace: 'bench' };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1000;
}

async function byCommand(uuid: string): Promise<unknown> {
  return execute(command, [
    ...['--with-app-uuid', uuid, '--with-container-uuid', uuid],
    ...['--with-app-name', 'bench', '--with-namespace', 'bench'],
  ]);
}

async function measure(): Promise<readonly [Figures, Figures, Figures, Figures]> {
  const [inProcess, commands, useradd, destroyed]: [number[], number[], number[], number[]] = [
    [],
    [],
    [],
    [],
  ];
  for (let round = 0; round < rounds + 2; round++) {
    const uuid = `probe${round}`;
    const times = [
      await timed(() => createGear(node, input(uuid))),
      await timed(() => destroyGear(node, { uuid })),
    ];
    const byHand = await timed(() => byCommand(`command${round}`));
    await destroyGear(node, { uuid: `command${round}` });
    const alone = await timed(() => execute('/usr/sbin/useradd', ['-M', '-u', '60000', `plain${round}`]));
    await execute('/usr/sbin/userdel', [`plain${round}`]);
    if (round < 2) continue;
    inProcess.push(times[0] ?? 0);
    destroyed.push(times[1] ?? 0);
    commands.push(byHand);
    useradd.push(alone);
  }
  return [figures(inProcess), figures(commands), figures(useradd), figures(destroyed)];
}

let present = 0;
let first: Figures | undefined;
for (const count of counts) {
  for (; present < count; present++)
    await createGear(node, input(`bench${String(present).padStart(6, '0')}`));
  const [inProcess, commands, useradd, destroyed] = await measure();
  first ??= inProcess;
  console.log(`\n${count} gears on the node, ${rounds} interleaved rounds\n${heading}`);
  console.log(row('useradd -M alone', useradd, useradd));
  console.log(row('create in process', inProcess, useradd));
  console.log(row('create by command', commands, useradd));
  console.log(row('destroy in process', destroyed, useradd));
  console.log(
    `create in process at ${count} gears: ${milliseconds(inProcess.median)}, ${(inProcess.median / first.median).toFixed(2)}x of that at ${counts[0]}`,
  );
}
