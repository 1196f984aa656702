/**
 * Create, `mysql` configure and destroy, killed before each of their changes of the host: after the next command the
 * host is as before or as after, never between.
 */
import t from 'tap';
import { differences } from '../hosts/dump.js';
import { seedNode } from '../seed/seed-node.js';
import { carryOut, crashAt, hostNow, runChild } from './matrix.js';

const uuid = 'cc9beb39785a45b9b97bdc6951fc8dbf';
const create = {
  cartridge: 'openshift-origin-node',
  action: 'app-create',
  args: {
    '--with-container-name': 'phpapp',
    '--with-app-name': 'phpapp',
    '--with-container-uuid': uuid,
    '--with-app-uuid': uuid,
    '--with-namespace': 'demo',
  },
};
const destroy = { ...create, action: 'app-destroy' };
const words = `'phpapp' 'demo' '${uuid}'`;
const php = { cartridge: 'php-5.3', action: 'configure', args: words };
const mysql = { cartridge: 'embedded/mysql-5.1', action: 'configure', args: words };
const mysqlAway = { ...mysql, action: 'deconfigure' };

t.setTimeout(20 * 60_000);
await seedNode();

interface Case {
  readonly name: string;
  readonly request: object;
  /** From nothing to the state before, and from a state back to nothing. */
  readonly prepare: readonly object[];
  readonly back: readonly object[];
}
const cases: readonly Case[] = [
  { name: 'create', request: create, prepare: [], back: [destroy] },
  { name: 'mysql configure', request: mysql, prepare: [create, php], back: [mysqlAway] },
  {
    name: 'destroy of a gear with PHP and MariaDB',
    request: destroy,
    prepare: [create, php, mysql],
    back: [],
  },
];

for (const { name, request, prepare, back } of cases) {
  await t.test(
    `${name}: killed before each change, the host is as before or as after`,
    { timeout: 15 * 60_000 },
    async (t) => {
      for (const step of prepare) await carryOut(step);
      const before = await hostNow();
      const { effects } = await carryOut(request);
      const after = await hostNow();
      t.not(before, after, 'the request changes something');
      t.ok(effects.length >= 30, `${effects.length} changes to be killed at`);
      for (const step of back) await carryOut(step);
      if (back.length > 0) t.same(differences(before, await hostNow()), [], 'undone by the opposite request');

      const tally = { before: 0, after: 0 };
      for (let at = 1; at <= effects.length; at++) {
        if (back.length === 0) {
          // Nothing leads back from a destroy: make the gear again when it is gone.
          const there = (await hostNow()) !== after;
          if (!there) for (const step of prepare) await carryOut(step);
        }
        const reference = back.length === 0 ? await hostNow() : before;
        const point = await crashAt(request, at, reference, after);
        t.not(point.ended, 'neither', `${at}: ${point.effect}: ${point.ended}`, {
          difference: point.difference,
        });
        if (point.ended === 'neither') break;
        tally[point.ended] += 1;
        if (point.ended === 'after') for (const step of back) await carryOut(step);
      }
      t.comment(`${name}: ${effects.length} points, ${tally.before} as before, ${tally.after} as after`);
      await carryOut(destroy);
      await runChild('recover');
    },
  );
}
