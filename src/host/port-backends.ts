/**
 * Which backend leads public ports: the one that node.conf names, and what another one may have left from before the
 * name was changed. Invariant: opening a backend starts no program and changes nothing.
 */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Iptables } from './iptables.js';
import { Nftables } from './nftables.js';
import { findProgram } from './packet-program.js';
import type { PortProxyKind } from './packages.js';
import type { PortForwarding } from './port-forwarding.js';

/** `runDir` lies in /run: what is remembered there is forgotten at a boot, as the kernel forgets its rules. */
export function openPortForwarding(kind: PortProxyKind, runDir: string): PortForwarding {
  const memory = join(runDir, 'route_localnet');
  return kind === 'nftables' ? new Nftables(memory) : new Iptables(kind, memory);
}

/** The backends that the machine has besides this one: a change of PORT_PROXY may have left ports in them. */
export function otherForwardings(kind: PortProxyKind, runDir: string): readonly PortForwarding[] {
  const own = programOf(kind);
  return (['iptables-legacy', 'iptables-nft', 'nftables'] as const)
    .filter((other) => {
      const program = programOf(other);
      return program !== undefined && program !== own;
    })
    .map((other) => openPortForwarding(other, runDir));
}

/** `iptables` is a link to one of its variants, each of which is one program under many names. */
function programOf(kind: PortProxyKind): string | undefined {
  const file = findProgram(kind === 'nftables' ? 'nft' : `${kind}-save`);
  return file === undefined ? undefined : realpathSync(file);
}
