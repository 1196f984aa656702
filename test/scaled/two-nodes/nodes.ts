/**
 * Two nodes and a client on one virtual cable, each a disposable host: set up by the project's own command, spoken to by
 * the test broker. Names of gears are made known as a broker's DNS would; here they are lines of /etc/hosts.
 */
import type { Application, BrokerGear, Kind } from '../broker/application.js';
import { Broker } from '../broker/broker.js';
import { startNode, type RemoteNode } from '../broker/remote-node.js';
import { must, setUp } from '../../demo/node-host.js';
import { Host } from '../../hosts/host.js';

export const domain = 'test.example.com';

export interface TwoNodes {
  readonly one: Host;
  readonly two: Host;
  /** Asks and pushes; runs no gear. */
  readonly client: Host;
  readonly broker: Broker;
  /** Where the next gears go; the database and the head always go to the first node. */
  next: 'one' | 'two';
  hostOf(gear: BrokerGear): Host;
  stop(): Promise<void>;
}

/** The client's key, which every gear gets. */
export const key = '/root/key';
export const sshOptions = [
  ...['-i', key, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=no'],
  ...['-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=10'],
];

export async function startTwoNodes(): Promise<TwoNodes> {
  const cable = `scaled-${process.pid}`;
  const start = (hostname: string, last: number): Promise<Host> =>
    Host.start({ hostname, cable: { name: cable, address: `192.168.59.${last}` } });
  const hosts = await Promise.all([
    start(`broker.${domain}`, 144),
    start(`node2.${domain}`, 145),
    start(`client.${domain}`, 146),
  ]);
  const [one, two, client] = hosts;
  try {
    await Promise.all([setUp(one), setUp(two)]);
    await must(client, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const [type = '', text = ''] = (await must(client, ['cat', `${key}.pub`])).stdout.split(' ');
    const nodes: readonly [RemoteNode, RemoteNode] = [await startNode(one), await startNode(two)];
    const place = (kind: Kind): RemoteNode => nodes[kind === 'web' && both.next === 'two' ? 1 : 0];
    const both: TwoNodes = {
      ...{ one, two, client, next: 'two' },
      broker: new Broker(nodes, { keys: [{ comment: 'default', type, key: text }], place }),
      hostOf: ({ node }) => (node === nodes[0] ? one : two),
      async stop() {
        await Promise.all(nodes.map((node) => node.stop()));
        await Promise.all(hosts.map((host) => host.stop()));
      },
    };
    return both;
  } catch (error) {
    await Promise.all(hosts.map((host) => host.stop()));
    throw error;
  }
}

/** Every gear's name leads to its node, in each of the hosts. */
export async function publishNames(nodes: TwoNodes, app: Application): Promise<void> {
  const lines = app.gears.map(
    (gear) => `${nodes.hostOf(gear).cableAddress} ${gear.name}-${app.namespace}.${domain} # gear`,
  );
  for (const host of [nodes.one, nodes.two, nodes.client]) {
    const { stdout } = await must(host, ['cat', '/etc/hosts']);
    const others = stdout.split('\n').filter((line) => line !== '' && !line.endsWith('# gear'));
    await must(host, ['tee', '/etc/hosts'], `${[...others, ...lines].join('\n')}\n`);
  }
}

/** The SSH server of a node ends, as for an update; sessions that are open go on. */
export async function stopSshd(host: Host): Promise<void> {
  const pid = (await must(host, ['cat', '/run/sshd.pid'])).stdout.trim();
  await must(host, ['kill', pid]);
  await must(host, [
    'bash',
    '-c',
    'for ((n = 0; n < 500; n++)); do [[ -d /proc/$1 ]] || exit 0; sleep 0.01; done; exit 1',
    'gone',
    pid,
  ]);
}

export async function startSshd(host: Host): Promise<void> {
  await must(host, ['/usr/sbin/sshd']);
}
