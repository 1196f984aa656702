/**
 * Must show 5: 300 gears expose all their ports in one host and the kernel has what is wanted, by every backend; with
 * nftables the last gear costs what the first one costs. Beside it the cost of one gear's ports when up to 30,000 are
 * there, which is every public port that the node can have. Invariant: times that are compared were taken in turn, in
 * one run, and are medians.
 */
import t from 'tap';
import { execFileSync } from 'node:child_process';
import { loopbackAddress, publicPorts } from '../../src/gear/identity.js';
import { desiredForwards, type PortOwner } from '../../src/gear/port-folder.js';
import { concealAll, exposePorts } from '../../src/gear/ports.js';
import { openPortForwarding } from '../../src/host/port-backends.js';
import { createGear } from '../../src/operations/create.js';
import type { Node } from '../../src/node/node.js';
import { figures } from '../bench/statistics.js';
import { kinds } from '../host/packet-rules.js';
import { hostNode } from '../operations/host-node.js';

t.setTimeout(1_200_000);

const GEARS = 300;
const ROUNDS = 15;
const IN_A_ROUND = 8;

const node = await hostNode();
const owners: PortOwner[] = Array.from({ length: GEARS }, (_, number) => ({
  uuid: `gear${number}`,
  uid: 507 + number,
}));
for (const { uuid, uid } of owners) await createGear(node, { uuid, uid, appName: 'app', namespace: 'demo' });

const by = (kind: (typeof kinds)[number]): Node => ({
  ...node,
  forwarding: openPortForwarding(kind, node.config.runDir),
});

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) * 1000;
}

const exposeAll = (on: Node, owner: PortOwner): Promise<unknown> =>
  exposePorts(
    on,
    owner,
    publicPorts(owner.uid).map((_, at) => ({
      variable: `OPENSHIFT_TEST_PORT_${at}`,
      target: `${loopbackAddress(owner.uid, at + 1)}:8080`,
    })),
  );
const sorted = (forwards: ReadonlyMap<number, string>): [number, string][] =>
  [...forwards].sort(([a], [b]) => a - b);
/** By arithmetic of its own: uid 507 has 35566 to 35570, and 127.0.253.129 on. */
const expected = owners.flatMap(({ uid }) =>
  [0, 1, 2, 3, 4].map((at): [number, string] => {
    const low = uid * 128 + at + 1;
    return [35_531 + (uid - 500) * 5 + at, `127.${low >> 16}.${(low >> 8) & 255}.${low & 255}:8080`];
  }),
);

/** What the kernel's own program prints of our rules. */
function printed(kind: string): number {
  const listing =
    kind === 'nftables'
      ? execFileSync('nft', ['list', 'map', 'ip', 'oo_node', 'ports'], {
          encoding: 'utf8',
          maxBuffer: 1 << 26,
        })
      : execFileSync(`${kind}-save`, ['-t', 'nat'], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return listing.match(/--dport \d+ -j DNAT|\d+ : 127\.\d+\.\d+\.\d+ \. 8080/g)?.length ?? 0;
}

for (const kind of kinds) {
  await t.test(`${GEARS} gears by ${kind}`, async (t) => {
    const on = by(kind);
    const times: number[] = [];
    for (const owner of owners) times.push(await timed(() => exposeAll(on, owner)));
    t.strictSame(sorted(await desiredForwards(on)), expected, 'each gear has its five ports');
    t.strictSame(sorted(await on.forwarding.list()), expected, 'the kernel has what is wanted');
    t.equal(printed(kind), GEARS * 5, "the kernel's own program shows as many");
    t.strictSame(await on.forwarding.problems(), []);
    const [first, last] = [figures(times.slice(1, 11)), figures(times.slice(-10))];
    t.comment(
      `one gear exposes 5 ports: ${ms(first.median)} at first, ${ms(last.median)} as one of the last`,
    );
    const again = owners[17]!;
    await exposeAll(on, again);
    t.strictSame(sorted(await on.forwarding.list()), expected, 'asked again, nothing changes');

    for (const { uuid, uid } of owners) await concealAll(on, { uuid, uid });
    t.strictSame([...(await on.forwarding.list())], []);
    t.strictSame([...(await desiredForwards(on))], []);
    await on.forwarding.remove();
  });
}

await t.test('nftables: the last gear costs what the first one costs', async (t) => {
  const on = by('nftables');
  const [early, late] = [owners.slice(0, IN_A_ROUND), owners.slice(-IN_A_ROUND)];
  const first: number[] = [];
  const last: number[] = [];
  // Exposed one by one above; here the many in the middle come and go at once, so that the rounds lie close together.
  const middle = new Map(expected.slice(0, -5 * IN_A_ROUND));
  for (let round = 0; round < ROUNDS; round += 1) {
    await on.forwarding.restore(new Map());
    for (const owner of early) first.push(await timed(() => exposeAll(on, owner)));
    await on.forwarding.restore(middle);
    for (const owner of late) last.push(await timed(() => exposeAll(on, owner)));
    t.strictSame(sorted(await on.forwarding.list()), expected);
    for (const owner of [...early, ...late]) await concealAll(on, owner);
  }
  await on.forwarding.remove();
  const [before, after] = [figures(first).median, figures(last).median];
  t.comment(`first ${ms(before)}, last ${ms(after)}, ratio ${(after / before).toFixed(2)}`);
  t.ok(after <= 1.5 * before, `the last: ${ms(after)}, the first: ${ms(before)}`);
});

await t.test('the cost of five ports beside up to 30,000', async (t) => {
  const whole = Array.from({ length: 30_000 }, (_, at): [number, string] => [
    35_531 + at,
    `127.${at >> 14}.${(at >> 6) & 255}.${at & 63}:8080`,
  ]);
  const five = [0, 1, 2, 3, 4].map((at) => ({ port: 20_000 + at, target: `127.200.0.${at}:8080` }));
  const costs = new Map<string, number>();
  for (const size of [0, 1_500, 5_000, 15_000, 30_000]) {
    const line: string[] = [];
    for (const kind of ['iptables-legacy', 'iptables-nft', 'nftables'] as const) {
      const { forwarding } = by(kind);
      await forwarding.restore(new Map(whole.slice(0, size)));
      const times: number[] = [];
      for (let round = 0; round < 5; round += 1) {
        const come = five.map(({ port, target }) => ({ port, from: undefined, to: target }));
        times.push(await timed(() => forwarding.apply(come)));
        await forwarding.apply(five.map(({ port, target }) => ({ port, from: target, to: undefined })));
      }
      if (size === 30_000) {
        t.strictSame(sorted(await forwarding.list()), whole, `${kind}: all of ${size} ports are listed back`);
      }
      await forwarding.remove();
      const { median } = figures(times);
      costs.set(`${kind} ${size}`, median);
      line.push(`${kind} ${ms(median)}`);
    }
    t.comment(`${String(size).padStart(6)} ports: ${line.join(', ')}`);
  }
  const cost = (at: string): number => costs.get(at) ?? Number.NaN;
  t.ok(cost('nftables 30000') <= 4 * cost('nftables 0'), 'nftables does not grow with the ports');
  t.ok(cost('nftables 30000') < cost('iptables-nft 30000'), 'with all ports in use it is the cheaper one');
});

function ms(microseconds: number): string {
  return `${(microseconds / 1000).toFixed(1)} ms`;
}
