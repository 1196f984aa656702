/**
 * The port proxy as a service, against the real kernel: started while other processes expose and conceal, compared with
 * what the kernel has, and changed from one backend to another.
 */
import t from 'tap';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loopbackAddress } from '../../src/gear/identity.js';
import { desiredForwards } from '../../src/gear/port-folder.js';
import { portProxyStatus, startPortProxy, stopPortProxy } from '../../src/gear/port-proxy.js';
import { concealPorts, exposePorts } from '../../src/gear/ports.js';
import { openNode, type Node } from '../../src/node/node.js';
import { kinds, rulesOnly } from '../host/packet-rules.js';
import { hostNode } from '../operations/host-node.js';

t.setTimeout(300_000);

const RANGE = '/proc/sys/net/ipv4/ip_local_port_range';
const variable = (at: number): string => `OPENSHIFT_TEST_PORT_${at}`;
const exposure = (uid: number, at: number) => ({
  variable: variable(at),
  target: `${loopbackAddress(uid, at)}:8080`,
});

if (process.argv[2] === 'change') {
  // One gear's ports come and go; at the end it has the first and the third.
  const uid = Number(process.argv[3]);
  const owner = { uuid: `gear${uid}`, uid };
  const node = await openNode();
  for (let round = 0; round < 6; round += 1) {
    await exposePorts(node, owner, [exposure(uid, 1), exposure(uid, 2)]);
    await exposePorts(node, owner, [exposure(uid, 3)]);
    await concealPorts(node, owner, round < 5 ? [variable(1), variable(2), variable(3)] : [variable(2)]);
  }
  process.exit(0);
}

async function nodeBy(kind: string): Promise<Node> {
  return hostNode({ config: [`PORT_PROXY=${kind}`] });
}

for (const kind of kinds) {
  await t.test(kind, async (t) => {
    const node = await nodeBy(kind);
    const untouched = rulesOnly();
    await t.test('no change of another process is lost while it starts again and again', async (t) => {
      const uids = [507, 508, 509];
      const children = uids.map((uid) =>
        spawn(process.execPath, [fileURLToPath(import.meta.url), 'change', String(uid)], {
          stdio: 'inherit',
        }),
      );
      let running = true;
      const ends = Promise.all(children.map((child) => once(child, 'exit'))).finally(() => (running = false));
      let starts = 0;
      for (; running; starts += 1) {
        await startPortProxy(node);
        await sleep(100); // whoever waits for the lock asks for it every 50 ms
      }
      t.strictSame(await ends, [
        [0, null],
        [0, null],
        [0, null],
      ]);
      t.ok(starts > 3, `started ${starts} times meanwhile`);
      const wanted = await desiredForwards(node);
      t.strictSame(
        new Set(wanted.values()),
        new Set(uids.flatMap((uid) => [exposure(uid, 1).target, exposure(uid, 3).target])),
      );
      t.strictSame(await portProxyStatus(node), { backend: kind, wanted: 6, differences: [] });
    });

    await t.test('every difference is named, and start ends it', async (t) => {
      const [[port = 0, target] = [], [second = 0, other] = []] = [...(await desiredForwards(node))];
      await node.forwarding.apply([
        { port, from: target, to: undefined },
        { port: second, from: other, to: '127.0.0.7:7' },
        { port: 40_000, from: undefined, to: '127.0.0.8:8' },
      ]);
      writeFileSync(RANGE, '32768 60999');
      const { differences } = await portProxyStatus(node);
      t.strictSame(
        [...differences].sort(),
        [
          'net.ipv4.ip_local_port_range reaches into the public ports, which begin at 35531',
          'port 40000 leads to 127.0.0.8:8, and shall lead nowhere',
          `port ${port} leads nowhere, and shall lead to ${target}`,
          `port ${second} leads to 127.0.0.7:7, and shall lead to ${other}`,
        ].sort(),
      );
      t.equal(await startPortProxy(node), 6);
      t.strictSame((await portProxyStatus(node)).differences, []);
      t.match(readFileSync(RANGE, 'utf8'), /^15000\t35530\n/);
    });

    await t.test('another backend takes over, and nothing of this one is left', async (t) => {
      const next = kind === 'nftables' ? 'iptables-legacy' : 'nftables';
      const changed = await nodeBy(next);
      t.match((await portProxyStatus(changed)).differences, [/./], 'it is not in force yet');
      t.match(
        (await portProxyStatus(changed)).differences.join('\n'),
        /which is not in use, still leads 6 ports/,
      );
      t.equal(await startPortProxy(changed), 6);
      t.strictSame(await portProxyStatus(changed), { backend: next, wanted: 6, differences: [] });
      t.equal((await node.forwarding.list()).size, 0, 'no port by the old one');
      await startPortProxy(await nodeBy(kind));
    });

    await t.test('stopped, nothing is left of either, and what is wanted stays', async (t) => {
      await stopPortProxy(node);
      t.equal(rulesOnly(), untouched);
      const { wanted, differences } = await portProxyStatus(node);
      t.equal(wanted, 6);
      t.equal(differences.filter((line) => line.includes('leads nowhere')).length, 6);
    });

    for (const uid of [507, 508, 509]) {
      await concealPorts(node, { uuid: `gear${uid}`, uid }, [variable(1), variable(3)]);
    }
    await stopPortProxy(node);
  });
}
