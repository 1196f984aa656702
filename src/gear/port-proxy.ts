/**
 * The port proxy as a service of the node: started from the desired state, stopped, compared with it. Invariants: all
 * of it happens under the lock of the ports, so that no change of a gear is lost between reading and restoring; what a
 * backend that node.conf no longer names has left goes too, once the new one stands.
 */
import { keepLocalPortsBelow, localPortsReach } from '../host/local-ports.js';
import { otherForwardings } from '../host/port-backends.js';
import type { Forwards, PortForwarding } from '../host/port-forwarding.js';
import { changingPorts, desiredForwards, type PortNode } from './port-folder.js';

/** Guard, switch and all ports of the node, whatever the kernel has; gives how many ports there are. */
export function startPortProxy(node: PortNode): Promise<number> {
  return changingPorts(node, async () => {
    keepLocalPortsBelow(node.config.identity.portBegin);
    const wanted = await desiredForwards(node);
    await node.forwarding.restore(wanted);
    for (const other of others(node)) await removeOther(node, other);
    return wanted.size;
  });
}

/** Takes away what is the port proxy's in the kernel; what is wanted stays written. */
export function stopPortProxy(node: PortNode): Promise<void> {
  return changingPorts(node, async () => {
    for (const other of others(node)) await removeOther(node, other);
    await node.forwarding.remove();
  });
}

export interface PortProxyStatus {
  readonly backend: string;
  readonly wanted: number;
  /** Each difference between what is wanted and what the kernel has, as a sentence. */
  readonly differences: readonly string[];
}

export function portProxyStatus(node: PortNode): Promise<PortProxyStatus> {
  return changingPorts(node, async () => {
    const wanted = await desiredForwards(node);
    const { portBegin } = node.config.identity;
    const differences = [
      ...(await node.forwarding.problems()),
      ...(localPortsReach(portBegin)
        ? [`net.ipv4.ip_local_port_range reaches into the public ports, which begin at ${portBegin}`]
        : []),
      ...compare(wanted, await node.forwarding.list()),
      ...(await leftBehind(node)),
    ];
    return { backend: node.forwarding.kind, wanted: wanted.size, differences };
  });
}

function compare(wanted: Forwards, there: Forwards): readonly string[] {
  const ports = [...new Set([...wanted.keys(), ...there.keys()])].sort((a, b) => a - b);
  return ports.flatMap((port) => {
    const [shall, does] = [wanted.get(port), there.get(port)];
    if (shall === does) return [];
    if (does === undefined) return [`port ${port} leads nowhere, and shall lead to ${shall}`];
    return [
      `port ${port} leads to ${does}, and shall lead ${shall === undefined ? 'nowhere' : `to ${shall}`}`,
    ];
  });
}

const others = (node: PortNode): readonly PortForwarding[] =>
  otherForwardings(node.forwarding.kind, node.config.runDir);

async function leftBehind(node: PortNode): Promise<readonly string[]> {
  const found: string[] = [];
  for (const other of others(node)) {
    const { size } = await other.list().catch((): Forwards => new Map());
    if (size > 0) found.push(`the backend ${other.kind}, which is not in use, still leads ${size} ports`);
  }
  return found;
}

/** A kernel that knows nothing of another backend has nothing of it to take away. */
async function removeOther(node: PortNode, other: PortForwarding): Promise<void> {
  try {
    await other.remove({ switched: false });
  } catch (error) {
    node.log.warn('what another backend of the port proxy may have left was not removed', {
      backend: other.kind,
      error,
    });
  }
}
