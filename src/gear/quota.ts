/**
 * The gear's share of the disk: hard limits on blocks and inodes of its uid, soft limits always 0. Invariant:
 * on a file system without quotas nothing is done, and whoever asks learns that the layer is absent.
 */
import { freeDisk, limitDisk, readQuota, type Quota } from '../host/quota.js';
import type { Node } from '../node/node.js';

export interface QuotaLimits {
  /** 1 KiB blocks. */
  readonly blocks: number;
  readonly files: number;
}

/** Is the layer there at all? */
export function quotaAvailable(node: Node): boolean {
  return readQuota(node.paths.gearBase, 0) !== undefined;
}

/** What a gear uses and may use, or undefined without the layer. */
export function quotaOf(node: Node, uid: number): Quota | undefined {
  return readQuota(node.paths.gearBase, uid);
}

export function imposeQuota(node: Node, uid: number, { blocks, files }: QuotaLimits): boolean {
  return limitDisk(node.paths.gearBase, uid, { blocks, inodes: files });
}

export function liftQuota(node: Node, uid: number): void {
  freeDisk(node.paths.gearBase, uid);
}
