/**
 * Public TCP ports of this machine that lead to loopback addresses: the one shape that the iptables and the nftables
 * backend share. Invariant: a backend touches its own chains or table and nothing else; each call is one transaction of
 * the kernel; packets from or to 127/8 that arrive on any interface but `lo` are dropped before any port is translated,
 * and `route_localnet` is opened only after that guard stands.
 */

/** Public port to `address:port`. */
export type Forwards = ReadonlyMap<number, string>;

/** One port's change: where it led, where it shall lead; undefined is nowhere. */
export interface ForwardChange {
  readonly port: number;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export interface PortForwarding {
  /** As node.conf names it. */
  readonly kind: 'iptables' | 'iptables-legacy' | 'iptables-nft' | 'nftables';
  /**
   * All changes or none; the same again changes nothing. Costs what the changes cost (nftables). Rejects
   * `ERR_PORT_PROXY_DOWN` when the backend's own chains or its guard are not there: `restore` puts them back.
   */
  apply(changes: readonly ForwardChange[]): Promise<void>;
  /** What the kernel has now; empty when the backend's chains are not there. */
  list(): Promise<Forwards>;
  /** Guard, then `route_localnet`, then exactly these ports; right whatever was there before. */
  restore(wanted: Forwards): Promise<void>;
  /** Takes the backend's own chains away, ports before guard; leaves everybody else's rules as they are. */
  remove(): Promise<void>;
  /** What of the guard, the chains and the jumps into them is missing, in words; empty when all stands. */
  problems(): Promise<readonly string[]>;
}
