/**
 * The actions of a gear's cartridge. Each is a call of an operation with the gear's uuid and the name the cartridge
 * was asked for.
 */
import type { Node } from '../node/node.js';
import type { InnerResult } from './inner-action.js';

export interface CartridgeCall {
  readonly uuid: string;
  /** As it was asked for: `php-5.3`, `embedded/mysql-5.1`. */
  readonly cartridge: string;
  readonly action: string;
  /** Positional arguments after name, namespace and uuid. */
  readonly rest: readonly string[];
  readonly templateUrl: string | undefined;
}

export type CartridgeAction = (node: Node, call: CartridgeCall) => Promise<InnerResult>;

export const cartridgeActions: ReadonlyMap<string, CartridgeAction> = new Map();
