/**
 * What changes public ports, killed around each change of a port: an exposition and a configure that exposes are undone
 * to the last rule of the kernel, a concealment and a destroy are done. (The other changes of a configure and a destroy
 * are killed at elsewhere.)
 */
import t from 'tap';
import { desiredForwards } from '../../src/gear/port-folder.js';
import { seedNode } from '../seed/seed-node.js';
import { carryOut, crashAt, hostNow } from './matrix.js';

const uuid = 'ec920d39b257412984fdcc40041c7d5e';
const name = 'ec920d39b2';
const names = { '--with-container-name': name, '--with-app-name': 'sphpapp', '--with-namespace': 'demo' };
const uuids = {
  '--with-container-uuid': uuid,
  '--with-app-uuid': '16f54529c1fa436981fce29b0499c0b6',
};
const create = { cartridge: 'openshift-origin-node', action: 'app-create', args: { ...names, ...uuids } };
const destroy = { ...create, action: 'app-destroy' };
const on = (cartridge: string, action: string) => ({ cartridge, action, args: `'${name}' 'demo' '${uuid}'` });
const php = on('php-5.3', 'configure');
const mysql = on('embedded/mysql-5.1', 'configure');
const expose = on('php-5.3', 'expose-port');
const conceal = on('php-5.3', 'conceal-port');

/** A commit has the time it was made at in its name. */
const commits = /\.git\/(logs|objects|refs)\//;

interface Case {
  readonly name: string;
  readonly request: object;
  readonly prepare: readonly object[];
  /** From the state after back to that before; without, the gear is made anew. */
  readonly back?: readonly object[];
  readonly ends: 'before' | 'after';
}

const cases: readonly Case[] = [
  { name: 'expose-port', request: expose, prepare: [create, php], back: [conceal], ends: 'before' },
  { name: 'conceal-port', request: conceal, prepare: [create, php, expose], back: [expose], ends: 'after' },
  { name: 'configure that exposes', request: mysql, prepare: [create], ends: 'before' },
  { name: 'destroy with ports', request: destroy, prepare: [create, php, expose], ends: 'after' },
];

const ofPorts = /^packet-rules |\/\.ports\/|_PROXY_PORT/;

/** Numbers of the changes of ports, of those right before and after them, and of the first and the last. */
function points(effects: readonly string[]): readonly number[] {
  const near = (at: number): boolean =>
    effects.slice(Math.max(0, at - 2), at + 1).some((effect) => ofPorts.test(effect));
  return effects.map((_, index) => index + 1).filter((at) => at === 1 || at === effects.length || near(at));
}

t.setTimeout(20 * 60_000);
const node = await seedNode();
// The proxy's own chains stand from the first port on, whoever has it.
for (const step of [create, php, expose, destroy]) await carryOut(step);

for (const { name: what, request, prepare, back, ends } of cases) {
  await t.test(`${what}: killed around each change of a port`, { timeout: 10 * 60_000 }, async (t) => {
    for (const step of prepare) await carryOut(step);
    const before = await hostNow();
    const { effects } = await carryOut(request);
    const after = await hostNow();
    t.not(before, after, 'the request changes something');
    t.ok(
      effects.some((effect) => effect.startsWith('packet-rules ')),
      'rules of the kernel too',
    );
    const again = async (): Promise<void> => {
      for (const step of back ?? [destroy, ...prepare]) await carryOut(step);
    };
    await again();
    for (const at of points(effects)) {
      const point = await crashAt(request, at, before, after);
      if (point.effect === '(was not reached)') break; // whether a helper had to be killed differs from run to run
      const expected = at === 1 ? 'before' : at === effects.length ? 'after' : ends;
      const rest = point.difference.filter((line) => !commits.test(line));
      const ended = rest.length === 0 && point.ended === 'neither' ? expected : point.ended;
      t.equal(ended, expected, `${at}: ${point.effect}`, { difference: rest });
      const [kernel, files] = [await node.forwarding.list(), await desiredForwards(node)];
      t.same([...kernel], [...files], `${at}: the kernel has what the files want`);
      if (ended !== 'before') await again();
    }
    t.comment(`${what}: ${points(effects).length} points of ${effects.length}`);
    await carryOut(destroy);
  });
}
