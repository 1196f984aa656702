/**
 * May this node take one more gear? Only asked when `no_overcommit_active` says so, because the answer needs
 * the state of every gear. Invariant: a gear counts as active unless it is idle or stopped.
 */
import { OoError } from '../native/error.js';
import { withGearLock } from '../gear/lock.js';
import { listGears, openGear } from '../gear/gear.js';
import { readState } from '../gear/state.js';
import type { Node } from '../node/node.js';

function activeGears(node: Node): number {
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

function requireRoom(node: Node): void {
  const { maxActiveGears } = node.limits;
  if (activeGears(node) < maxActiveGears) return;
  throw new OoError(
    `This node has its ${maxActiveGears} active gears. Nothing was done; create the gear on another node.`,
    {
      code: 'ERR_NODE_FULL',
      exitCode: 146,
    },
  );
}

/** Runs `work`, which makes one more gear, if there is room for it; two at once cannot both have the last place. */
export function withRoom<T>(node: Node, work: () => Promise<T>): Promise<T> {
  if (!node.limits.noOvercommitActive) return work();
  return withGearLock(node, 'room for one more', () => {
    requireRoom(node);
    return work();
  });
}
