/**
 * May this node take one more gear? Only asked when `no_overcommit_active` says so, because the answer needs
 * the state of every gear. Invariant: a gear counts as active unless it is idle or stopped.
 */
import { OoError } from '../native/error.js';
import { listGears, openGear } from '../gear/gear.js';
import { readState } from '../gear/state.js';
import type { Node } from '../node/node.js';

export function activeGears(node: Node): number {
  let active = 0;
  for (const uuid of listGears(node)) {
    try {
      const state = readState(openGear(node, uuid));
      if (state !== 'idle' && state !== 'stopped') active += 1;
    } catch {
      active += 1; // being made or removed: it holds its place
    }
  }
  return active;
}

export function requireRoom(node: Node): void {
  const { noOvercommitActive, maxActiveGears } = node.limits;
  if (!noOvercommitActive || activeGears(node) < maxActiveGears) return;
  throw new OoError(
    `This node has its ${maxActiveGears} active gears. Nothing was done; create the gear on another node.`,
    {
      code: 'ERR_NODE_FULL',
      exitCode: 146,
    },
  );
}
