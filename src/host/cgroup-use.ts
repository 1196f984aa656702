/**
 * Limits of a group as the kernel has them now, beside what is used of them. Invariant: nothing here is taken from
 * what was once asked for; a file that this kernel does not have is no limit and no use.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { v1Settings, v2Settings, type CgroupLimits, type Setting } from './cgroup-limits.js';
import { limitControllers, type Hierarchies } from './hierarchies.js';

export interface LimitUse {
  readonly what: 'memory' | 'memory and swap' | 'processes' | 'cpu';
  /** Bytes, a count, or microseconds of each period; undefined: none. */
  readonly limit: number | undefined;
  /** Bytes, a count, or microseconds so far. */
  readonly used: number | undefined;
  /** The kernel's period that a limit of cpu counts for, in microseconds. */
  readonly period?: number;
}

/** A limit that the group should have and has not. */
export interface Unmet {
  readonly file: string;
  readonly shall: string;
  /** undefined: the file is not there. */
  readonly found: string | undefined;
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1').trim();
  } catch {
    return undefined;
  }
}

/** Larger than any machine: how version 1 writes "no limit". */
const UNLIMITED = 2 ** 62;

function number(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  return Number(text) >= UNLIMITED ? undefined : Number(text);
}

function directories(h: Hierarchies, path: string) {
  const v1 = (name: 'memory' | 'pids' | 'cpu' | 'cpuacct'): string | undefined => {
    const mount = h.v1[name];
    return mount === undefined ? undefined : join(mount, path);
  };
  const v2 = h.v2 === undefined ? undefined : join(h.v2, path);
  return { memory: v1('memory'), pids: v1('pids'), cpu: v1('cpu'), cpuacct: v1('cpuacct'), v2 };
}

const at = (directory: string | undefined, file: string): number | undefined =>
  directory === undefined ? undefined : number(tryRead(join(directory, file)));

/** What the group may use and uses, of whatever this kernel limits. */
export function limitsAndUse(h: Hierarchies, path: string): readonly LimitUse[] {
  const { memory, pids, cpu, cpuacct, v2 } = directories(h, path);
  const rows: LimitUse[] = [];
  if (memory !== undefined) {
    rows.push({
      what: 'memory',
      limit: at(memory, 'memory.limit_in_bytes'),
      used: at(memory, 'memory.usage_in_bytes'),
    });
    const swap = at(memory, 'memory.memsw.usage_in_bytes');
    if (swap !== undefined) {
      rows.push({ what: 'memory and swap', limit: at(memory, 'memory.memsw.limit_in_bytes'), used: swap });
    }
  } else if (h.v2Controllers.includes('memory')) {
    rows.push({ what: 'memory', limit: at(v2, 'memory.max'), used: at(v2, 'memory.current') });
  }
  if (pids !== undefined || h.v2Controllers.includes('pids')) {
    const directory = pids ?? v2;
    rows.push({ what: 'processes', limit: at(directory, 'pids.max'), used: at(directory, 'pids.current') });
  }
  if (cpu !== undefined) {
    const nanoseconds = at(cpuacct, 'cpuacct.usage');
    rows.push({
      what: 'cpu',
      limit: at(cpu, 'cpu.cfs_quota_us'),
      used: nanoseconds === undefined ? undefined : Math.round(nanoseconds / 1000),
      period: at(cpu, 'cpu.cfs_period_us') ?? 100_000,
    });
  } else if (v2 !== undefined && h.v2Controllers.includes('cpu')) {
    const [quota, period] = (tryRead(join(v2, 'cpu.max')) ?? '').split(' ');
    const used = /^usage_usec (\d+)$/m.exec(tryRead(join(v2, 'cpu.stat')) ?? '')?.[1];
    rows.push({ what: 'cpu', limit: number(quota), used: number(used), period: number(period) ?? 100_000 });
  }
  return rows;
}

const PAGE = 4096;

/** The kernel rounds memory to whole pages, and tells of its out-of-memory switch in a sentence. */
function equals({ file, value }: Setting, found: string): boolean {
  if (found === value) return true;
  if (file === 'memory.oom_control') return new RegExp(`^oom_kill_disable ${value}$`, 'm').test(found);
  if (!file.startsWith('memory.') || !/^\d+$/.test(found)) return false;
  return Math.floor(Number(found) / PAGE) === Math.floor(Number(value) / PAGE);
}

function unmetIn(directory: string, settings: readonly Setting[]): readonly Unmet[] {
  return settings.flatMap((setting) => {
    const file = join(directory, setting.file);
    const found = tryRead(file);
    if (found === undefined && setting.optional) return [];
    return found !== undefined && equals(setting, found) ? [] : [{ file, shall: setting.value, found }];
  });
}

/** The limits that the group does not have as they are wanted; a group that is not there has none of them. */
export function unmetLimits(h: Hierarchies, path: string, limits: CgroupLimits): readonly Unmet[] {
  const unmet = limitControllers.flatMap((controller) => {
    const mount = h.v1[controller];
    if (mount === undefined) return [];
    return unmetIn(
      join(mount, path),
      v1Settings(limits).filter((setting) => setting.controller === controller),
    );
  });
  if (h.v2 === undefined) return unmet;
  const offered = v2Settings(limits).filter(
    ({ controller }) => h.v2Controllers.includes(controller) && h.v1[controller] === undefined,
  );
  return [...unmet, ...unmetIn(join(h.v2, path), offered)];
}
