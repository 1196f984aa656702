// The arrows between the rooms, as the dependency rules have them: each room may be imported from its left only.
import t from 'tap';
import { createRequire } from 'node:module';

interface Rule {
  readonly name: string;
  readonly from: { readonly path?: string };
  readonly to: { readonly path?: string };
}
const require = createRequire(import.meta.url);
const { forbidden } = require('../../../.dependency-cruiser.cjs') as { forbidden: readonly Rule[] };
const rooms = [
  'commands',
  'actions',
  'operations',
  'deploy',
  'cartridge',
  'gear',
  'journal',
  'host',
  'native',
];

const isForbidden = (from: string, to: string): boolean =>
  forbidden.some(
    (rule) =>
      rule.from.path !== undefined &&
      rule.to.path !== undefined &&
      new RegExp(rule.from.path).test(from) &&
      new RegExp(rule.to.path).test(to),
  );

t.test('no room imports one to its left, every room may import those to its right', async (t) => {
  for (const [index, from] of rooms.entries()) {
    for (const [other, to] of rooms.entries()) {
      if (index === other) continue;
      t.equal(isForbidden(`src/${from}/a.ts`, `src/${to}/b.ts`), other < index, `${from} -> ${to}`);
    }
  }
});

t.test('rooms side by side do not import each other', async (t) => {
  for (const [from, to] of [
    ['journal', 'node'],
    ['node', 'journal'],
    ['commands', 'rpc'],
    ['rpc', 'commands'],
  ]) {
    t.ok(isForbidden(`src/${from}/a.ts`, `src/${to}/b.ts`), `${from} -> ${to}`);
  }
});
