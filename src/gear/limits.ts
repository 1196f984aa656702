/**
 * What a gear may use, from the node's limits: its control group and its rlimits. Invariant: a gear's group
 * carries all limits before any process of the gear can be in it; a group that a reboot has taken is made
 * again before the next process starts.
 */
import { join } from 'node:path';
import { createGroup, groupExists, kill, removeGroup, type CgroupLimits } from '../host/cgroup.js';
import type { Rlimit, RlimitName } from '../native/launch.js';
import type { Node } from '../node/node.js';

/** SSH sessions and what they start; hooks and services have groups beside it. Version 2 tree only. */
export const SESSION_GROUP = 'gear';

export function groupPath(node: Node, uuid: string): string {
  return join(node.config.cgroupRoot, uuid);
}

export function cgroupLimits(node: Node): CgroupLimits {
  const { limits } = node;
  return {
    cpuShares: limits.cpuShares,
    cpuQuotaUs: limits.cpuQuotaUs,
    cpuPeriodUs: limits.cpuPeriodUs,
    memoryLimit: limits.memoryLimit,
    memorySwapLimit: limits.memorySwapLimit,
    memorySoftLimit: limits.memorySoftLimit,
    swappiness: limits.swappiness,
    oomKillDisable: limits.oomKillDisable,
    pidsMax: limits.pidsMax,
  };
}

export function rlimits(node: Node): Readonly<Partial<Record<RlimitName, Rlimit>>> {
  return Object.fromEntries(
    Object.entries(node.limits.rlimits).map(([name, value]) => [name, { soft: value, hard: value }]),
  );
}

/** Makes the gear's group and puts its limits in force. */
export async function imposeLimits(node: Node, uuid: string): Promise<void> {
  await createGroup(node.cgroups, groupPath(node, uuid), cgroupLimits(node), [SESSION_GROUP]);
}

/** The same when the group is gone (after a reboot); one look otherwise. */
export async function ensureLimits(node: Node, uuid: string): Promise<void> {
  if (!groupExists(node.cgroups, groupPath(node, uuid))) await imposeLimits(node, uuid);
}

/** Kills every process of the gear, wherever it was started. */
export async function killGear(node: Node, uuid: string): Promise<void> {
  await kill(node.cgroups, groupPath(node, uuid));
}

export async function liftLimits(node: Node, uuid: string): Promise<void> {
  await removeGroup(node.cgroups, groupPath(node, uuid));
}
