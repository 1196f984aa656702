/**
 * An empty gear's create and destroy, killed before each change: recovery leaves the host as before or as
 * after.
 */
import t, { type Test } from 'tap';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { recover } from '../../src/operations/recover.js';
import { differences, dumpHost } from '../hosts/dump.js';
import { hostNode } from './host-node.js';

const child = fileURLToPath(new URL('./crash-child.js', import.meta.url));
const uuid = 'cc9beb39785a45b9b97bdc6951fc8dbf';
t.setTimeout(600_000);
const node = await hostNode();

function run(what: string, at: number): { readonly count: number; readonly killed: boolean } {
  const { stdout, signal } = spawnSync(process.execPath, [child, what, uuid, String(at)], {
    encoding: 'utf8',
  });
  return { count: Number(stdout), killed: signal === 'SIGKILL' };
}

async function crashEverywhere(t: Test, what: 'create' | 'destroy'): Promise<void> {
  const make = () => createGear(node, { uuid, appName: 'phpapp', namespace: 'demo' });
  const unmake = () => destroyGear(node, { uuid });
  const prepare = what === 'create' ? unmake : make;
  const before = await dumpHost();
  const { count } = run(what, 0);
  const after = await dumpHost();
  t.ok(count >= (what === 'create' ? 30 : 15), `${count} changes`);
  let asBefore = 0;
  for (let at = 1; at <= count; at += 1) {
    if ((await dumpHost()) !== before) await prepare();
    t.ok(run(what, at).killed, `killed at ${at}`);
    const outcomes = await recover(node);
    const now = await dumpHost();
    const ended = now === before ? 'before' : now === after ? 'after' : 'neither';
    if (ended === 'before') asBefore += 1;
    t.not(ended, 'neither', `${what} killed at ${at}`, {
      outcomes,
      difference: differences(before, now).slice(0, 20),
    });
  }
  t.comment(`${what}: ${count} points, ${asBefore} as before, ${count - asBefore} as after`);
}

await t.test('create', (t) => crashEverywhere(t, 'create'));
await destroyGear(node, { uuid });
await createGear(node, { uuid, appName: 'phpapp', namespace: 'demo' });
await t.test('destroy', (t) => crashEverywhere(t, 'destroy'));
