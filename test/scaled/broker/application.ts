/** What a broker knows of an application: its gears in the order of their making, and the keys every gear has. */
import type { PublicKey } from './broker.js';
import type { BrokerNode } from './node.js';

export type Kind = 'head' | 'web' | 'database';

export interface BrokerGear {
  readonly kind: Kind;
  readonly uuid: string;
  readonly name: string;
  readonly node: BrokerNode;
  /** `CART_DATA`: where the gear is reached. */
  readonly attributes: Record<string, string>;
  /** `CART_PROPERTIES`: what its cartridge told. */
  readonly properties: Record<string, string>;
}

export interface Application {
  readonly name: string;
  readonly namespace: string;
  /** Also the uuid of the head gear. */
  readonly uuid: string;
  readonly gears: BrokerGear[];
  readonly keys: PublicKey[];
}
