/**
 * Public ports against the real kernel, by either backend: claims of several processes at once, of uids that count the
 * same ports, junk in the folder of the claims, and a kernel that has lost everything.
 */
import t from 'tap';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { execFileSync } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { loopbackAddress, publicPorts } from '../../src/gear/identity.js';
import { closePorts, concealAll, concealPorts, exposePorts } from '../../src/gear/ports.js';
import { desiredForwards, exposedPorts } from '../../src/gear/port-folder.js';
import { startPortProxy } from '../../src/gear/port-proxy.js';
import { OoError } from '../../src/native/error.js';
import { openNode, type Node } from '../../src/node/node.js';
import { hostNode } from '../operations/host-node.js';

t.setTimeout(300_000);
const owner = { uuid: 'g1', uid: 507 };
const variable = 'OPENSHIFT_PHP_PROXY_PORT';
const target = `${loopbackAddress(507, 1)}:8080`;

if (process.argv[2] === 'expose') {
  const [, , , uuid = '', uid = '', name = ''] = process.argv;
  const gear = { uuid, uid: Number(uid) };
  const wanted = { variable: name, target: `${loopbackAddress(gear.uid, 1)}:8080` };
  const here = await openNode();
  process.stdout.write('ready');
  await once(process.stdin, 'data');
  try {
    const [exposed] = await exposePorts(here, gear, [wanted]);
    process.stdout.write(String(exposed?.port));
  } catch (error) {
    process.stdout.write(error instanceof OoError ? error.code : String(error));
  }
  process.exit(0);
}

/** As many other processes, all at the same moment, expose one port each: which one, or why not. */
async function exposeElsewhere(asked: readonly (readonly [string, number, string])[]): Promise<string[]> {
  const file = fileURLToPath(import.meta.url);
  const children = asked.map(([uuid, uid, name]) =>
    spawn(process.execPath, [file, 'expose', uuid, String(uid), name], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  await Promise.all(children.map(({ stdout }) => once(stdout, 'readable')));
  for (const { stdin } of children) stdin.write('go');
  const said = await Promise.all(children.map(({ stdout }) => text(stdout)));
  return said.map((line) => line.replace('ready', ''));
}

function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const address = all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  if (address === undefined) throw new Error('this test needs a host with an address (--address)');
  return address;
}

/** What answers at a port of this machine's own address, or the error's code. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect({ host: ownAddress(), port, timeout: 2000 }, () => socket.write('?'));
    socket.on('data', (chunk) => (said += chunk.toString()));
    socket.on('end', () => resolve(said));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('timeout', () => socket.destroy(Object.assign(new Error('late'), { code: 'LATE' })));
  });
}

async function sameAsWanted(node: Node): Promise<boolean> {
  const [is, shall] = [await node.forwarding.list(), await desiredForwards(node)];
  return JSON.stringify([...is].sort()) === JSON.stringify([...shall].sort());
}

await hostNode();
/** The gear's server: it answers what it is asked, when it is asked. */
const server = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', () => socket.end('gear'));
});
server.listen(8080, loopbackAddress(507, 1));
await once(server, 'listening');
t.teardown(() => server.close());

for (const kind of ['iptables', 'iptables-legacy', 'iptables-nft', 'nftables'] as const) {
  await t.test(kind, { timeout: 200_000 }, async (t) => {
    const node = await hostNode({ config: [`PORT_PROXY=${kind}`] });
    t.equal(node.forwarding.kind, kind);

    await t.test('a port that is exposed is reached, the same again is the same', async (t) => {
      t.same(await exposePorts(node, owner, [{ variable, target }]), [{ port: 35_566, variable, target }]);
      t.equal(await ask(35_566), 'gear');
      t.same(await exposePorts(node, owner, [{ variable, target }]), [{ port: 35_566, variable, target }]);
      t.same(exposedPorts(node, owner), [{ port: 35_566, variable, target }]);
      t.equal(readFileSync(`${node.paths.ports}/35566`, 'utf8'), `g1 ${target} ${variable}\n`);
      t.ok(await sameAsWanted(node));
      await exposePorts(node, owner, [{ variable, target: `${loopbackAddress(507, 2)}:8080` }]);
      t.equal(await ask(35_566), 'ECONNREFUSED', 'it leads where it was last led');
      await exposePorts(node, owner, [{ variable, target }]);
      t.equal(await ask(35_566), 'gear');
    });

    await t.test('a kernel that has lost everything gets everything back by the next change', async (t) => {
      await exposePorts(node, { uuid: 'g2', uid: 508 }, [
        { variable, target: `${loopbackAddress(508, 1)}:8080` },
      ]);
      if (kind !== 'nftables') execFileSync(kind, ['-t', 'nat', '-F']);
      else execFileSync('nft', ['flush', 'ruleset']);
      t.equal(await ask(35_566), 'ECONNREFUSED');
      await concealAll(node, { uuid: 'g2', uid: 508 });
      t.equal(await ask(35_566), 'gear');
      t.ok(await sameAsWanted(node));
      await node.forwarding.remove();
      await startPortProxy(node);
      t.ok(await sameAsWanted(node));
    });

    await t.test('a port that is closed takes nothing new and stays its gear’s', async (t) => {
      const open = connect({ host: ownAddress(), port: 35_566 });
      await once(open, 'connect');
      await closePorts(node, owner, exposedPorts(node, owner));
      t.equal(await ask(35_566), 'ECONNREFUSED');
      open.write('?');
      t.equal(await text(open), 'gear', 'what was established goes on');
      t.equal(exposedPorts(node, owner).length, 1);
      await startPortProxy(node);
      t.equal(await ask(35_566), 'ECONNREFUSED', 'a restart of the port proxy does not open it again');
      await concealAll(node, owner);
      t.same(readdirSync(node.paths.ports), []);
    });

    await t.test('processes at once never get the same port', { timeout: 120_000 }, async (t) => {
      const two = [
        ['w1', 507],
        ['w2', 507 + 6001],
      ] as const;
      const asked = two.flatMap(([uuid, uid]) => ['A', 'B', 'C'].map((name) => [uuid, uid, name] as const));
      const got = await exposeElsewhere(asked);
      t.same(got.toSorted(), [...publicPorts(507).map(String), 'ERR_PORTS_TAKEN']);
      t.ok(await sameAsWanted(node));
      const same = await exposeElsewhere([0, 1, 2].map(() => ['w3', 508, 'A'] as const));
      t.same(same, ['35571', '35571', '35571'], 'and the same exposition at once is one');
      await concealAll(node, { uuid: 'w1', uid: 507 });
      t.ok(await sameAsWanted(node), 'the other gear with these ports keeps its own');
      await concealAll(node, { uuid: 'w2', uid: undefined });
      await concealAll(node, { uuid: 'w3', uid: 508 });
      t.same([...(await node.forwarding.list())], []);
    });

    await t.test('a file that is no claim is taken, left alone, and no reason to fail', async (t) => {
      const file = (port: number) => `${node.paths.ports}/${port}`;
      writeFileSync(file(35_566), 'junk');
      symlinkSync('/etc/hostname', file(35_567));
      execFileSync('mkfifo', [file(35_568)]);
      mkdirSync(file(35_569));
      writeFileSync(`${node.paths.ports}/README`, 'g1 127.0.253.129:8080 X\n');
      t.same(await exposePorts(node, owner, [{ variable, target }]), [{ port: 35_570, variable, target }]);
      await t.rejects(exposePorts(node, owner, [{ variable: 'OTHER', target }]), { code: 'ERR_PORTS_TAKEN' });
      await concealPorts(node, owner, ['OTHER']);
      t.same([...(await desiredForwards(node))], [[35_570, target]]);
      await startPortProxy(node);
      await concealAll(node, { uuid: 'g1', uid: undefined });
      t.same(readdirSync(node.paths.ports).sort(), ['35566', '35567', '35568', '35569', 'README']);
      for (const name of readdirSync(node.paths.ports))
        rmSync(`${node.paths.ports}/${name}`, { recursive: true });
    });

    await node.forwarding.remove();
  });
}
