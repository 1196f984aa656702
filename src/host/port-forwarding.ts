/**
 * Public TCP ports of this machine that lead to loopback addresses: the one shape that the iptables and the nftables
 * backend share. Invariant: a backend touches its own chains or table and nothing else; each call is one transaction of
 * the kernel; packets from or to 127/8 that arrive on any interface but `lo` are dropped before any port is translated,
 * and `route_localnet` is opened only after that guard stands.
 */

import { isIPv4 } from 'node:net';
import { OoError } from '../native/error.js';
import type { PortProxyKind } from './packages.js';

/** Below it are the ports of the system's own services; node.conf cannot set a lower one. */
const LOWEST_PORT = 1024;
const HIGHEST_PORT = 65_535;

/** Public port to `address:port`. */
export type Forwards = ReadonlyMap<number, string>;

/** One port's change: where it led, where it shall lead; undefined is nowhere. */
export interface ForwardChange {
  readonly port: number;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export interface PortForwarding {
  readonly kind: PortProxyKind;
  /**
   * All changes or none; the same again changes nothing. Costs what the changes cost (nftables). Rejects
   * `ERR_PORT_PROXY_DOWN` when the backend's own chains or its guard are not there: `restore` puts them back.
   */
  apply(changes: readonly ForwardChange[]): Promise<void>;
  /** What the kernel has now; empty when the backend's chains are not there. */
  list(): Promise<Forwards>;
  /** Guard, then `route_localnet`, then exactly these ports; right whatever was there before. */
  restore(wanted: Forwards): Promise<void>;
  /**
   * Takes the backend's own chains away, ports before guard; leaves everybody else's rules as they are. `switched`:
   * false where another backend is in force and `route_localnet` must stay open.
   */
  remove(options?: { readonly switched: boolean }): Promise<void>;
  /** What of the guard, the chains and the jumps into them is missing, in words; empty when all stands. */
  problems(): Promise<readonly string[]>;
}

/** What `apply` rejects with while the backend's own rules are not whole. */
export function down(missing: readonly string[]): OoError {
  return new OoError(
    `The port proxy is not in force: ${missing.join('; ')}. No port was changed; run: ` +
      'oo-admin-ctl-iptables-port-proxy start',
    { code: 'ERR_PORT_PROXY_DOWN' },
  );
}

/** Refuses what no rule may be made of: ports of system services, targets that are not on loopback. */
export function checkedForwards(forwards: Forwards): void {
  for (const [port, target] of forwards) check(port, target);
}

export function checkedChanges(changes: readonly ForwardChange[]): void {
  if (new Set(changes.map(({ port }) => port)).size < changes.length) {
    throw refused('One public port was named twice');
  }
  for (const { port, from, to } of changes) check(port, from, to);
}

function check(port: number, ...targets: readonly (string | undefined)[]): void {
  if (!Number.isInteger(port) || port < LOWEST_PORT || port > HIGHEST_PORT) {
    throw refused(`A public port is a number from ${LOWEST_PORT} to ${HIGHEST_PORT}, not ${port}`);
  }
  for (const target of targets) {
    if (target === undefined) continue;
    const [, address = '', to = ''] = /^(127(?:\.\d{1,3}){3}):([1-9]\d{0,4})$/.exec(target) ?? [];
    if (isIPv4(address) && Number(to) <= HIGHEST_PORT) continue;
    throw refused(
      `A public port leads to an address of 127/8 and a port, not to ${JSON.stringify(target.slice(0, 48))}`,
    );
  }
}

function refused(what: string): OoError {
  return new OoError(`${what}. No port was changed.`, { code: 'ERR_BAD_FORWARD', exitCode: 255 });
}
