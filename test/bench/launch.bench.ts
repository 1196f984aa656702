/**
 * What a launch costs: a no-op bash hook through `launch` with every layer, interleaved round by round with a bare
 * vfork loop in C, a C loop that confines alike, `child_process` and `runuser`, at 60 MB and at 1.5 GB of resident
 * memory, with 1 and with 1,000 gears on the node. Ratios of one run are compared, never times of two runs.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gearConfinement } from '../../src/gear/confinement.js';
import { executeInGear } from '../../src/gear/execute.js';
import { openGear, type Gear } from '../../src/gear/gear.js';
import { createGear } from '../../src/operations/create.js';
import { run, type Confinement, type LaunchResult } from '../../src/native/launch.js';
import type { Node } from '../../src/node/node.js';
import { CompiledLoop, compile } from './compiled-loop.js';
import { hostNode } from '../operations/host-node.js';
import { requireHost } from '../hosts/inside.js';
import { longestBlock } from './loop-delay.js';
import { figures, heading, milliseconds, row } from './statistics.js';

const rounds = Number(process.argv[2] ?? '2000');
const gearCounts = (process.argv[3] ?? '1,1000').split(',').map(Number);
const source = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const work = '/var/lib/oo-bench';
const hook = '/usr/local/libexec/noop';

function prepare(): void {
  requireHost();
  mkdirSync(work, { recursive: true });
  mkdirSync('/usr/local/libexec', { recursive: true });
  writeFileSync(hook, '#!/bin/bash\n:\n');
  chmodSync(hook, 0o755);
  compile([source('test/bench/bare-loop.c')], `${work}/bare`);
  const native = ['confine', 'landlock', 'seccomp', 'profile', 'profile_spec', 'raw'].map((name) =>
    source(`native/${name}.cc`),
  );
  compile(
    [source('test/bench/confined-loop.cc'), ...native.filter((path) => existsSync(path))],
    `${work}/confined`,
    ['-std=c++17', '-fno-exceptions'],
  );
}

type Launch = () => Promise<void>;

function succeeded(result: LaunchResult): void {
  if (result.exitCode !== 0) throw new Error(`the hook ended with ${String(result.exitCode)}`);
}

/** Our launch, with every layer. */
function launching(confinement: Confinement, gear: Gear): Launch {
  const env = { PATH: '/usr/bin:/bin' };
  return async () => succeeded(await run({ file: hook, argv: [hook], env, cwd: gear.home, confinement }));
}

/** What an operation calls: the gear's environment and confinement are composed for each launch as well. */
function executing(node: Node, gear: Gear): Launch {
  return async () => succeeded(await executeInGear(node, gear, { file: hook, argv: [hook] }));
}

function childProcess(
  file: string,
  argv: readonly string[],
  identity: { uid?: number; gid?: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, {
      ...identity,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.resume();
    child.stderr.resume();
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`ended with ${String(code)}`))));
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1000;
}

function resident(): string {
  return `${Math.round(process.memoryUsage.rss() / 1e6)} MB`;
}

async function compare(node: Node, gear: Gear, count: number): Promise<void> {
  const confinement = gearConfinement(node, gear);
  const ours = launching(confinement, gear);
  const { v2, v1 } = confinement.cgroup;
  const bare = new CompiledLoop([`${work}/bare`, String(gear.uid), hook]);
  const confined = new CompiledLoop([
    `${work}/confined`,
    node.paths.confinement,
    gear.uuid,
    v2 ?? '',
    v1.join(':'),
    hook,
  ]);
  const identity = { uid: gear.uid, gid: gear.gid };
  const contenders: readonly (readonly [string, () => Promise<number>])[] = [
    ['(a) bare vfork loop in C', () => bare.round()],
    ['(b) confining loop in C', () => confined.round()],
    ['launch, all layers', () => timed(ours)],
    ['(c) child_process, uid and gid', () => timed(() => childProcess(hook, [], identity))],
    ["an operation's hook (environment)", () => timed(executing(node, gear))],
    ['(d) runuser', () => timed(() => childProcess('/usr/sbin/runuser', ['-u', 'nobody', '--', hook], {}))],
  ];
  const samples = contenders.map((): number[] => []);
  for (let round = 0; round < count + 20; round++) {
    for (const [index, [, once]] of contenders.entries()) {
      // runuser and child_process are slow at 1.5 GB: a fifth of the rounds is enough for a median
      if (index > 2 && round % 5 !== 0) continue;
      const time = await once();
      if (round >= 20) samples[index]?.push(time);
    }
  }
  const [bareFigures, confinedFigures, launchFigures, childFigures] = samples.map(figures);
  if (!bareFigures || !confinedFigures || !launchFigures || !childFigures) throw new Error('no rounds');
  console.log(heading);
  for (const [index, [name]] of contenders.entries()) {
    const found = samples[index];
    if (found !== undefined) console.log(row(name, figures(found), bareFigures));
  }
  console.log(
    `launch / (a) ${(launchFigures.median / bareFigures.median).toFixed(2)}x, launch / (b) ${(launchFigures.median / confinedFigures.median).toFixed(2)}x, (c) / launch ${(childFigures.median / launchFigures.median).toFixed(1)}x`,
  );
  await bare.stop();
  await confined.stop();

  const blocks = { launch: [] as number[], child: [] as number[] };
  for (let round = 0; round < 50; round++) {
    blocks.launch.push(await longestBlock(ours));
    blocks.child.push(await longestBlock(() => childProcess(hook, [], identity)));
  }
  const launchBlock = figures(blocks.launch);
  const childBlock = figures(blocks.child);
  console.log(
    `longest block of the event loop, median of 50: launch ${milliseconds(launchBlock.median)} (worst ${milliseconds(launchBlock.max)}), child_process ${milliseconds(childBlock.median)} (worst ${milliseconds(childBlock.max)}): ${(childBlock.median / launchBlock.median).toFixed(0)}x less`,
  );
  const eight = figures(await inTurn(50, () => timed(() => Promise.all(Array.from({ length: 8 }, ours)))));
  console.log(`8 at once: ${milliseconds(eight.median)} for all, ${milliseconds(eight.median / 8)} each`);
}

async function inTurn(count: number, once: () => Promise<number>): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < count; index++) samples.push(await once());
  return samples;
}

// `gc` exists only where it is asked for; asked for now, it is found in a new context.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

prepare();
const node = await hostNode();
let present = 0;
const ballast: Buffer[] = [];
for (const wanted of gearCounts) {
  for (let index = present; index < wanted; index++) {
    const uuid = `bench${String(index).padStart(6, '0')}`;
    await createGear(node, { uuid, appUuid: uuid, appName: 'bench', name: 'bench', namespace: 'bench' });
  }
  present = wanted;
  const gear = openGear(node, 'bench000000');
  for (const size of [0, 1440]) {
    while (ballast.length < size / 16) ballast.push(Buffer.alloc(16 << 20, 1));
    console.log(`\n${present} gears, ${resident()} resident, ${rounds} interleaved rounds`);
    await compare(node, gear, rounds);
  }
  ballast.length = 0;
  collect(); // the next node starts small again
}
