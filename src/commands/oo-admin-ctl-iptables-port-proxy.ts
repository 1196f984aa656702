/** `oo-admin-ctl-iptables-port-proxy`: the public ports of this node, brought to the kernel, compared, taken away. */
import type { Node } from '../node/node.js';
import { OoError } from '../native/error.js';
import type { CommandContext, CommandDefinition } from './definition.js';

const verbs = ['start', 'stop', 'status', 'restart', 'reload'] as const;

export const command: CommandDefinition = {
  name: 'oo-admin-ctl-iptables-port-proxy',
  summary: 'Control the public ports of this node',
  description:
    'Public TCP ports lead to the loopback addresses of gears. Which port leads where is kept on disk; this command ' +
    'brings it into the kernel, by the backend that PORT_PROXY of node.conf names (iptables, either variant, or ' +
    'nftables). Only chains of the port proxy are touched: oo-guard of the raw table and oo-ports of the nat table, or ' +
    'the table ip oo_node. Public ports are ports of IPv4; nothing is exposed over IPv6.\n\n' +
    'start puts everything back, whatever was there: after a boot, and after somebody has flushed the rules. restart ' +
    'and reload are the same, and running connections go on. stop takes the chains away; the next start, or the next ' +
    'change of a public port, brings them back. status names every difference between the kernel and the disk.\n\n' +
    'A firewall that drops what it does not know must accept what was led to a gear: ' +
    'iptables -A INPUT -m conntrack --ctstate DNAT -j ACCEPT, or ct status dnat accept in a table of nft.',
  options: [],
  positionals: [{ name: 'VERB', required: true, description: `One of ${verbs.join(', ')}.`, choices: verbs }],
  exits: [
    [0, 'Done; status: the kernel has what is wanted.'],
    [1, 'It failed, or not root; status: there is a difference.'],
    [255, 'Wrong usage.'],
  ],
  examples: [
    { text: 'After "iptables -F"', command: 'oo-admin-ctl-iptables-port-proxy start' },
    { text: 'What is wrong?', command: 'oo-admin-ctl-iptables-port-proxy status' },
  ],
  run: async (context) => {
    const [verb = '', ...rest] = context.values.positionals;
    if (!(verbs as readonly string[]).includes(verb) || rest.length > 0) {
      throw new OoError(
        `Say one of ${verbs.join(', ')}; see oo-admin-ctl-iptables-port-proxy --help. Nothing was done.`,
        { code: 'ERR_USAGE', exitCode: 255 },
      );
    }
    const [{ openNode }, { mkdirSync }] = await Promise.all([import('../node/node.js'), import('node:fs')]);
    const node = await openNode();
    // Without systemd this may be the first command after a boot, which empties /run.
    mkdirSync(node.config.runDir, { recursive: true, mode: 0o755 });
    if (verb === 'status') return status(node, context);
    return verb === 'stop' ? stop(node, context) : start(node, context);
  },
};

/** As many differences as a person reads. */
const SHOWN = 20;

async function start(node: Node, { values, output }: CommandContext): Promise<number> {
  const { startPortProxy } = await import('../gear/port-proxy.js');
  const ports = await startPortProxy(node);
  if (values.flag('json')) output.print(`${JSON.stringify({ exitcode: 0, ports })}\n`);
  else output.print(`The port proxy (${node.forwarding.kind}) is in force with ${ports} ports.\n`);
  return 0;
}

async function stop(node: Node, { values, output }: CommandContext): Promise<number> {
  const { stopPortProxy } = await import('../gear/port-proxy.js');
  await stopPortProxy(node);
  output.print(
    values.flag('json') ? '{"exitcode":0}\n' : 'The port proxy is stopped: no public port leads to a gear.\n',
  );
  return 0;
}

async function status(node: Node, { values, output }: CommandContext): Promise<number> {
  const { portProxyStatus } = await import('../gear/port-proxy.js');
  const { backend, wanted, differences } = await portProxyStatus(node);
  const exitcode = differences.length === 0 ? 0 : 1;
  if (values.flag('json')) {
    output.print(`${JSON.stringify({ exitcode, backend, ports: wanted, differences })}\n`);
    return exitcode;
  }
  if (exitcode === 0) output.print(`The port proxy (${backend}) is enabled with ${wanted} ports.\n`);
  for (const difference of differences.slice(0, SHOWN)) output.complain(difference);
  const more = differences.length - SHOWN;
  if (more > 0) output.complain(`... and ${more} more, all of them with --json`);
  if (exitcode !== 0) {
    output.complain('The port proxy is not as it shall be; run: oo-admin-ctl-iptables-port-proxy start');
  }
  return exitcode;
}
