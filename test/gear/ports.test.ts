/**
 * The arithmetic of public ports against the files that claim them: whatever a few gears with colliding uids do, in
 * whatever order, no port is held twice, and what the kernel is told equals what the files say.
 */
import t from 'tap';
import fc from 'fast-check';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import type { ForwardChange, PortForwarding } from '../../src/host/port-forwarding.js';
import { claimText, parseClaim } from '../../src/gear/port-claim.js';
import { defaultRules, loopbackAddress, publicPorts } from '../../src/gear/identity.js';
import { closePorts, concealAll, concealPorts, exposePorts, putBackPorts } from '../../src/gear/ports.js';
import { desiredForwards, exposedPorts } from '../../src/gear/port-folder.js';
import type { Node } from '../../src/node/node.js';

type PortNode = Pick<Node, 'paths' | 'config' | 'log' | 'forwarding'>;

/** Remembers what it was told, and forgets all of it when it is `flush`ed. */
class Memory implements PortForwarding {
  readonly kind = 'nftables';
  readonly led = new Map<number, string>();
  standing = true;
  flush(): void {
    this.led.clear();
    this.standing = false;
  }
  async apply(changes: readonly ForwardChange[]): Promise<void> {
    if (!this.standing) throw Object.assign(new Error('flushed'), { code: 'ERR_PORT_PROXY_DOWN' });
    for (const { port, to } of changes) {
      if (to === undefined) this.led.delete(port);
      else this.led.set(port, to);
    }
  }
  async list() {
    return this.led;
  }
  async restore(wanted: ReadonlyMap<number, string>): Promise<void> {
    this.led.clear();
    for (const [port, target] of wanted) this.led.set(port, target);
    this.standing = true;
  }
  async remove(): Promise<void> {
    this.flush();
  }
  async problems() {
    return this.standing ? [] : ['flushed'];
  }
}

let folders = 0;
const base = t.testdir();

function fresh(): PortNode & { readonly forwarding: Memory } {
  const ports = `${base}/${(folders += 1)}`;
  mkdirSync(ports);
  return {
    paths: { ports, portsLock: `${base}/lock` },
    config: { identity: defaultRules, gearLockTimeout: 5000 },
    log: { warn: () => undefined },
    forwarding: new Memory(),
  } as unknown as PortNode & { readonly forwarding: Memory };
}

/** Four gears, three of which count the same five ports from their uids. */
const gears = [
  { uuid: 'a', uid: 507 },
  { uuid: 'b', uid: 507 + 6001 },
  { uuid: 'c', uid: 507 + 2 * 6001 },
  { uuid: 'd', uid: 508 },
];
const names = ['OPENSHIFT_A_PORT', 'OPENSHIFT_B_PORT', 'OPENSHIFT_C_PORT'];
const order = fc.record({
  gear: fc.constantFrom(...gears),
  what: fc.constantFrom('expose', 'conceal', 'close', 'all', 'flush', 'undo', 'restore'),
  names: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
  host: fc.integer({ min: 1, max: 127 }),
});

t.test('no port is held twice and the kernel is told what the files say', async (t) => {
  const run = async (orders: readonly (typeof order extends fc.Arbitrary<infer O> ? O : never)[]) => {
    const node = fresh();
    for (const { gear, what, names: variables, host } of orders) {
      const target = `${loopbackAddress(gear.uid, host)}:8080`;
      const wanted = variables.map((variable) => ({ variable, target }));
      const before = exposedPorts(node, gear);
      const files = readdirSync(node.paths.ports);
      if (what === 'expose') {
        try {
          const ports = await exposePorts(node, gear, wanted);
          if (ports.map(({ variable }) => variable).join() !== variables.join()) return 'another order';
          if (JSON.stringify(await exposePorts(node, gear, wanted)) !== JSON.stringify(ports))
            return 'the same again answers something else';
          for (const old of before) {
            const now = exposedPorts(node, gear).find(({ variable }) => variable === old.variable);
            if (now?.port !== old.port) return `${old.variable} has moved`;
          }
        } catch (error) {
          if ((error as { code?: string }).code !== 'ERR_PORTS_TAKEN') throw error;
          const claimed = publicPorts(gear.uid).filter((port) => files.includes(String(port))).length;
          const fits = variables.filter((name) => !before.some(({ variable }) => variable === name)).length;
          if (claimed + fits <= 5) return 'refused though there was room';
          if (readdirSync(node.paths.ports).join() !== files.join()) return 'refused, but something changed';
        }
      } else if (what === 'conceal') await concealPorts(node, gear, variables);
      else if (what === 'close') await closePorts(node, gear, before.slice(0, 1));
      else if (what === 'all') await concealAll(node, host % 2 === 0 ? gear : { ...gear, uid: undefined });
      else if (what === 'flush') node.forwarding.flush();
      else if (what === 'restore') await node.forwarding.restore(await desiredForwards(node));
      else {
        const held = before.filter(({ variable }) => variables.includes(variable));
        await exposePorts(node, gear, wanted).catch(() => undefined);
        await putBackPorts(node, gear, variables, held);
        if (JSON.stringify(exposedPorts(node, gear)) !== JSON.stringify(before)) return 'not undone';
      }
      const held = gears.flatMap((each) => exposedPorts(node, each).map(({ port }) => [each, port] as const));
      if (new Set(held.map(([, port]) => port)).size !== held.length) return 'a port is held twice';
      if (held.some(([{ uid }, port]) => !publicPorts(uid).includes(port))) return 'a port of another uid';
      if (held.length !== readdirSync(node.paths.ports).length) return 'a file is nobody’s';
      if (!node.forwarding.standing) continue;
      const desired = [...(await desiredForwards(node))].sort().join();
      if ([...node.forwarding.led].sort().join() !== desired) return 'the kernel was told something else';
    }
    return 'right';
  };
  const property = fc.asyncProperty(fc.array(order, { maxLength: 25 }), async (orders) => {
    const verdict = await run(orders);
    if (verdict !== 'right') throw new Error(verdict);
  });
  await fc.assert(property, { numRuns: 150 });
  t.pass('in 150 histories');
});

t.test('a claim that parses is written back the same, and junk does not parse', async (t) => {
  const anyClaim = fc.record({
    uuid: fc.stringMatching(/^[a-z0-9]{1,32}$/),
    target: fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 65_535 }))
      .map(([last, port]) => `127.0.253.${last}:${port}`),
    variable: fc.constantFrom(...names),
    closing: fc.boolean(),
  });
  fc.assert(
    fc.property(anyClaim, (claim) => JSON.stringify(parseClaim(claimText(claim))) === JSON.stringify(claim)),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const claim = parseClaim(text);
      return claim === undefined || claimText(claim) === text;
    }),
  );
  const junk = [
    '',
    '\n',
    'a 127.0.0.1:80 X',
    'a 10.0.0.1:80 X\n',
    'a 127.0.0.1:0 X\n',
    'a 127.0.0.1:65536 X\n',
    '../a 127.0.0.1:80 X\n',
    'a 127.0.0.1:80 X=Y\n',
    'a 127.0.0.1:80 X open\n',
    'a 127.0.0.1:80 X\nb 127.0.0.1:81 Y\n',
  ];
  for (const text of junk) t.equal(parseClaim(text), undefined, JSON.stringify(text));
});

t.test('a public port leads to an address of its own gear only', async (t) => {
  const node = fresh();
  const [gear = { uuid: '', uid: 0 }] = gears;
  for (const target of ['127.0.0.1:22', `${loopbackAddress(508, 1)}:8080`, '127.0.253.12:8080'])
    await t.rejects(exposePorts(node, gear, [{ variable: 'X', target }]), { code: 'ERR_BAD_ADDRESS' });
  t.same(readdirSync(node.paths.ports), [], 'nothing is claimed');
});

t.test('on a node whose set-up knew no public ports an exposition says what to run', async (t) => {
  const node = fresh();
  rmdirSync(node.paths.ports);
  const [gear = { uuid: '', uid: 0 }] = gears;
  const target = `${loopbackAddress(gear.uid, 1)}:8080`;
  await t.rejects(exposePorts(node, gear, [{ variable: 'X', target }]), {
    code: 'ERR_PORTS_NOT_SET_UP',
    message: /run oo-admin-node-setup/,
  });
  t.same(exposedPorts(node, gear), []);
  t.equal((await desiredForwards(node)).size, 0);
});
