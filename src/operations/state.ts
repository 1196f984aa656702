/**
 * The state word of a gear, as the broker asks for it. Reading takes no lock: the file is replaced whole.
 */
import { openGear } from '../gear/gear.js';
import { readState } from '../gear/state.js';
import type { Node } from '../node/node.js';

export function showState(node: Node, input: { readonly uuid: string }): string {
  return readState(openGear(node, input.uuid));
}
