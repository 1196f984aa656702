/**
 * Limits of a group in the words of both cgroup versions. Invariant: pure; what a version has no word for is
 * left out of its list, and the order is one the kernel accepts (memory before memory and swap together).
 */
import type { LimitController } from './hierarchies.js';

export interface CgroupLimits {
  readonly cpuShares?: number | undefined;
  readonly cpuQuotaUs?: number | undefined;
  readonly cpuPeriodUs?: number | undefined;
  readonly memoryLimit?: number | undefined;
  /** Memory and swap together. */
  readonly memorySwapLimit?: number | undefined;
  readonly memorySoftLimit?: number | undefined;
  readonly swappiness?: number | undefined;
  readonly oomKillDisable?: boolean | undefined;
  readonly pidsMax?: number | undefined;
}

export interface Setting {
  readonly controller: LimitController;
  readonly file: string;
  readonly value: string;
  /** A kernel may be built without it; its absence is no failure. */
  readonly optional: boolean;
}

type Entry = readonly [LimitController, string, string | number | undefined, boolean?];

function settings(entries: readonly Entry[]): readonly Setting[] {
  return entries.flatMap(([controller, file, value, optional = false]) =>
    value === undefined ? [] : [{ controller, file, value: String(value), optional }],
  );
}

export function v1Settings(limits: CgroupLimits): readonly Setting[] {
  return settings([
    ['cpu', 'cpu.shares', limits.cpuShares],
    ['cpu', 'cpu.cfs_period_us', limits.cpuPeriodUs, true],
    ['cpu', 'cpu.cfs_quota_us', limits.cpuQuotaUs, true],
    ['memory', 'memory.limit_in_bytes', limits.memoryLimit],
    ['memory', 'memory.memsw.limit_in_bytes', limits.memorySwapLimit, true],
    ['memory', 'memory.soft_limit_in_bytes', limits.memorySoftLimit, true],
    ['memory', 'memory.swappiness', limits.swappiness, true],
    ['memory', 'memory.oom_control', limits.oomKillDisable === true ? 1 : undefined, true],
    ['pids', 'pids.max', limits.pidsMax],
  ]);
}

/** Shares 2 to 262144 become a weight of 1 to 10000, as systemd and runc count it. */
export function cpuWeight(shares: number): number {
  const bounded = Math.min(Math.max(shares, 2), 262_144);
  return 1 + Math.floor(((bounded - 2) * 9999) / 262_142);
}

export function v2Settings(limits: CgroupLimits): readonly Setting[] {
  const { cpuShares, cpuQuotaUs, cpuPeriodUs = 100_000, memoryLimit, memorySwapLimit } = limits;
  const swap =
    memoryLimit === undefined || memorySwapLimit === undefined ? undefined : memorySwapLimit - memoryLimit;
  return settings([
    ['cpu', 'cpu.weight', cpuShares === undefined ? undefined : cpuWeight(cpuShares)],
    ['cpu', 'cpu.max', cpuQuotaUs === undefined ? undefined : `${cpuQuotaUs} ${cpuPeriodUs}`, true],
    ['memory', 'memory.max', memoryLimit],
    ['memory', 'memory.swap.max', swap, true],
    ['pids', 'pids.max', limits.pidsMax],
  ]);
}
