/**
 * What a `cartridge_do` or a job of an `execute_parallel` can ask for: actions of the dummy cartridge (this node and
 * its gears), connectors, and actions of a gear's cartridge. Only what works stands here; anything else is answered
 * with 127 and "Unsupported action".
 */
export { cartridgeActions, type CartridgeCall } from './cartridge-actions.js';
export { connectors } from './connectors.js';
export { nodeActions } from './node-actions.js';

/** The cartridge that is none: requests to it concern the node itself. */
export const DUMMY = 'openshift-origin-node';
