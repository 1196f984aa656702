/**
 * Public ports come back by `oo-admin-ctl-iptables-port-proxy start` after everybody's flush, a reboot and a change of
 * address, with every backend, and leave an operator's rules alone; a host on the same cable that sends packets for 127/8
 * to the node reaches exposed ports and nothing else. The same look at a node without its guard does reach something.
 */
import t, { type Test } from 'tap';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { must, repository, setUp } from '../../demo/node-host.js';
import { Host } from '../../hosts/host.js';

t.setTimeout(900_000);

const ADDRESS = '192.168.59.144';
const MOVED = '192.168.59.147';
const SECRET = '127.0.253.190:9999';
const proxy = '/usr/sbin/oo-admin-ctl-iptables-port-proxy';
const inside = [process.execPath, `${repository}dist/test/scaled/two-nodes/ports-inside.js`];
const cable = `ports-${process.pid}`;
const disk = `ports-${process.pid}`;

class PortsNode {
  host!: Host;
  #server: ChildProcess | undefined;
  /** Where each public port shall lead, as the gears' own side says. */
  wanted: readonly (readonly [number, string])[] = [];

  async boot(): Promise<void> {
    this.host = await Host.start({
      hostname: 'node.test.example.com',
      cable: { name: cable, address: ADDRESS },
      disk,
    });
  }

  /** The gears' services answer, each with the address it listens on. */
  async serve(): Promise<void> {
    const server = this.host.spawn([...inside, 'serve']);
    this.#server = server;
    let complaint = '';
    server.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    const ready = once(server.stdout!, 'data').then(() => undefined);
    await Promise.race([
      ready,
      once(server, 'exit').then(() => Promise.reject(new Error(`nobody serves: ${complaint}`))),
    ]);
  }

  async stop(): Promise<void> {
    this.#server?.stdin?.end();
    await this.host.stop();
  }

  async reboot(): Promise<void> {
    await this.stop();
    await this.boot();
    // The cable is a new one, of another hardware address.
    await must(stranger, ['ip', 'neigh', 'flush', 'dev', 'cable0']);
    await must(this.host, ['/usr/sbin/sshd']);
    await this.serve();
  }

  shell(script: string): Promise<string> {
    return must(this.host, ['bash', '-ec', script]).then(({ stdout }) => stdout);
  }
}

async function visit(from: Host, places: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await must(from, [...inside, 'visit'], JSON.stringify(places));
  return new Map(JSON.parse(stdout) as [string, string][]);
}

const node = new PortsNode();
let stranger: Host;

/** Every mapping answers, with the address that it leads to, and the command agrees. */
async function answers(t: Test, what: string, address = ADDRESS): Promise<void> {
  const said = await visit(
    stranger,
    node.wanted.map(([port]) => `${address}:${port}`),
  );
  const wanted = new Map(node.wanted.map(([port, target]) => [`${address}:${port}`, target]));
  t.strictSame(said, wanted, `${what}: every port answers`);
  const { exitCode, stdout, stderr } = await node.host.run([proxy, 'status']);
  t.match(
    { exitCode, stdout, stderr },
    { exitCode: 0, stdout: 'is enabled with 15 ports', stderr: '' },
    what,
  );
}

async function down(t: Test, what: string, differences: RegExp): Promise<void> {
  const said = await visit(
    stranger,
    node.wanted.map(([port]) => `${ADDRESS}:${port}`),
  );
  t.strictSame(new Set(said.values()), new Set(['ECONNREFUSED']), `${what}: no port answers`);
  const { exitCode, stderr } = await node.host.run([proxy, 'status']);
  t.equal(exitCode, 1, `${what}: status says so`);
  t.match(stderr, differences, what);
  const { stdout } = await node.host.run([proxy, 'status', '--json']);
  const report = JSON.parse(stdout) as { differences: readonly string[] };
  const named = report.differences.filter((line) =>
    /^port \d+ leads nowhere, and shall lead to 127\./.test(line),
  );
  t.equal(named.length, 15, `${what}: each port is named`);
}

/** What the operator has, each with the command that shows that it is there. */
const operators = `
  iptables-legacy -t nat -A PREROUTING -p tcp --dport 9 -j REDIRECT --to-ports 10
  iptables-legacy -t raw -A PREROUTING -s 203.0.113.9 -j DROP
  iptables-nft -t nat -A PREROUTING -p tcp --dport 9 -j REDIRECT --to-ports 10
  iptables-nft -t raw -A PREROUTING -s 203.0.113.9 -j DROP
  nft 'table inet operator { chain c { type filter hook input priority 5; tcp dport 9 accept; }; }'`;
const operatorsThere = `
  iptables-legacy -t nat -C PREROUTING -p tcp --dport 9 -j REDIRECT --to-ports 10
  iptables-legacy -t raw -C PREROUTING -s 203.0.113.9 -j DROP
  iptables-nft -t nat -C PREROUTING -p tcp --dport 9 -j REDIRECT --to-ports 10
  iptables-nft -t raw -C PREROUTING -s 203.0.113.9 -j DROP
  nft list chain inet operator c | grep -q 'tcp dport 9 accept'`;

/** The stranger's 127/8 lies behind the node, and answers from there are believed. */
const wayTo127 = `
  ip route del local 127.0.0.0/8 table local || true
  ip route del local 127.0.0.1 table local || true
  ip route replace 127.0.0.0/8 via ${ADDRESS} dev cable0 src 192.168.59.150
  for name in all cable0; do
    echo 1 >/proc/sys/net/ipv4/conf/$name/route_localnet
    echo 0 >/proc/sys/net/ipv4/conf/$name/rp_filter
  done`;

function withoutGuard(kind: string): string {
  return kind === 'nftables' ? 'nft flush chain ip oo_node guard' : `${kind} -t raw -F oo-guard`;
}

t.test('public ports come back', async (t) => {
  await node.boot();
  stranger = await Host.start({
    hostname: 'stranger.test.example.com',
    cable: { name: cable, address: '192.168.59.150' },
  });
  t.teardown(async () => {
    await Promise.all([node.stop(), stranger.stop()]);
    await Host.forgetDisk(disk);
  });
  await setUp(node.host);
  node.wanted = JSON.parse((await must(node.host, [...inside, 'expose', '3'])).stdout) as [number, string][];
  await node.serve();
  t.equal(node.wanted.length, 15, 'three gears have five ports each');

  await answers(t, 'after the set-up');
  for (const [kind, flush] of [
    ['iptables', 'iptables -F; iptables -t nat -F; iptables -t raw -F'],
    ['iptables-legacy', 'for table in filter nat raw; do iptables-legacy -t $table -F; done'],
    ['nftables', 'nft flush ruleset'],
  ] as const) {
    await t.test(kind, async (t) => {
      await node.shell(
        `sed -i 's/^PORT_PROXY=.*/PORT_PROXY=${kind}/' /etc/openshift/node.conf; ${proxy} start`,
      );
      await answers(t, `changed to ${kind}`);
      const rules = await node.shell('iptables-legacy-save; iptables-nft-save; nft list ruleset');
      const copies = rules.match(/--dport 35566 -j DNAT|\b35566 : 127\.0\.253\.129/g) ?? [];
      t.equal(copies.length, 1, 'the backend that was in use before has nothing left');

      await node.shell(flush);
      await down(
        t,
        'flushed',
        kind === 'nftables' ? /the table ip oo_node has no chain guard/ : /PREROUTING of the raw table/,
      );
      await node.shell(operators);
      await node.shell(`${proxy} start`);
      await answers(t, 'after the flush');
      await node.shell(operatorsThere);

      await node.shell(`${proxy} restart; ${proxy} reload`);
      await answers(t, 'restarted');
      await node.shell(`${proxy} stop`);
      await down(t, 'stopped', /leads nowhere, and shall lead to/);
      await node.shell(
        `! { iptables-legacy-save; iptables-nft-save; nft list ruleset; } | grep -E 'oo[-_](guard|ports|node)'`,
      );
      t.equal(await node.shell('cat /proc/sys/net/ipv4/conf/all/route_localnet'), '0\n');
      await node.shell(`${proxy} start`);
      await answers(t, 'started');
      await node.shell(operatorsThere);
      t.pass("the operator's rules are still there");

      await node.reboot();
      await down(t, 'rebooted', /route_localnet is 0/);
      await node.shell(`${proxy} start`);
      await answers(t, 'after the reboot');
      t.match(await node.shell('cat /proc/sys/net/ipv4/ip_local_port_range'), /^15000\t35530\n/);

      await node.shell(`ip addr flush dev cable0; ip addr add ${MOVED}/24 dev cable0`);
      await node.shell(`${proxy} start`);
      await answers(t, 'after a change of the address', MOVED);
      await node.shell(`ip addr flush dev cable0; ip addr add ${ADDRESS}/24 dev cable0`);

      await t.test('a stranger reaches nothing on 127/8 but exposed ports', async (t) => {
        // Whatever listens on loopback or everywhere, by an address of 127/8.
        const sockets = (await node.shell('ss -Hltn4')).trim().split('\n');
        const places = sockets.map((line) =>
          (line.split(/\s+/)[3] ?? '').replace(/^(0\.0\.0\.0|\*)/, '127.0.0.1'),
        );
        const loopback = [...new Set(places)].filter((place) => place.startsWith('127.'));
        t.ok(loopback.includes(SECRET) && loopback.includes('127.0.0.1:22'), 'there is something to reach');
        await must(stranger, ['bash', '-ec', wayTo127]);
        const silent = new Map(loopback.map((place) => [place, 'ETIMEDOUT']));
        t.strictSame(await visit(stranger, loopback), silent, 'nothing answers');
        await answers(t, 'meanwhile');
        await node.shell(withoutGuard(kind));
        const said = await visit(stranger, loopback);
        t.equal(said.get(SECRET), SECRET, 'without the guard the stranger gets in: this test can fail');
        t.ok([...said.values()].filter((word) => word !== 'ETIMEDOUT').length > 1);
        t.match(await node.host.run([proxy, 'status']), { exitCode: 1, stderr: /guard/ });
        await node.shell(`${proxy} start`);
        t.strictSame(await visit(stranger, loopback), silent, 'the guard comes back with start');
      });
    });
  }
});
