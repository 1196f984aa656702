/**
 * The actions of a gear's cartridge, all of them one operation with the gear's uuid and the name the cartridge was
 * asked for. A cartridge of the old layout may have hooks of any name, so that the operation, not a table, says what
 * is unknown.
 */
import { findOldHook, isOldLayout } from '../cartridge/old-layout.js';
import type { Node } from '../node/node.js';
import { cartridgeActionNames, runCartridgeAction } from '../operations/cartridge-action.js';
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

export function actOnCartridge(node: Node, call: CartridgeCall): Promise<InnerResult> {
  return runCartridgeAction(node, call);
}

/** Whether a call with named arguments can be meant for a cartridge. */
export function isCartridgeAction(node: Node, cartridge: string, action: string): boolean {
  return cartridgeActionNames.includes(action) || isOldLayout(node, cartridge);
}

/** The hook that the old agent would have launched for it, or that is launched for a cartridge of the old layout. */
export function hookPath(node: Node, cartridge: string, action: string): string {
  const old = isOldLayout(node, cartridge) ? findOldHook(node, cartridge, action)?.file : undefined;
  return old ?? `${node.config.cartridgeBasePath}/${cartridge}/info/hooks/${action}`;
}
