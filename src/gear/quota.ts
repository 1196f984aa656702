/**
 * The gear's share of the disk: hard limits on blocks and inodes of its uid, soft limits always 0. Invariant:
 * on a file system without quotas nothing is done, and whoever asks learns that the layer is absent.
 */
import { getQuota, setQuota } from '../native/quota.js';
import type { Node } from '../node/node.js';

export interface QuotaLimits {
  /** 1 KiB blocks. */
  readonly blocks: number;
  readonly files: number;
}

/** Is the layer there at all? */
export function quotaAvailable(node: Node): boolean {
  return getQuota(node.paths.gearBase, 0) !== undefined;
}

export function imposeQuota(node: Node, uid: number, limits: QuotaLimits): boolean {
  if (!quotaAvailable(node)) return false;
  setQuota(node.paths.gearBase, uid, { blocks: limits.blocks, inodes: limits.files });
  return true;
}

export function liftQuota(node: Node, uid: number): void {
  if (quotaAvailable(node)) setQuota(node.paths.gearBase, uid, { blocks: 0, inodes: 0 });
}
