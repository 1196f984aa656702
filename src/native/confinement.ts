/**
 * What confines a launch, as the caller says it, and as the addon reads it (native/launch_binding.cc, the same order).
 * Invariant: nothing is defaulted here; what is absent was absent.
 */
import type { LandlockRules } from './landlock.js';

/** Bound into the program's own mounts with nodev and nosuid; every component of both paths is root's. */
export interface MountBinding {
  readonly source: string;
  readonly target: string;
}

/** Infinity is unlimited. */
export interface Rlimit {
  readonly soft: number;
  readonly hard: number;
}

const RLIMITS = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
} as const;
export type RlimitName = keyof typeof RLIMITS;

/** Absolute directories that exist. `v2`: the gear's group, below which a launch makes `hook-<n>` or `svc-<n>`. */
export interface CgroupPlacement {
  readonly v2: string | undefined;
  readonly v1: readonly string[];
}

export interface Confinement {
  readonly uid: number;
  readonly gid: number;
  readonly cgroup: CgroupPlacement;
  readonly mounts: readonly MountBinding[];
  readonly rlimits: Readonly<Partial<Record<RlimitName, Rlimit>>>;
  readonly umask: number;
  readonly oomScoreAdj: number;
  /** SELinux label of the program, validated beforehand. */
  readonly label: string | undefined;
  /** False only for old-layout hooks, which run as root by contract. */
  readonly dropCapabilities: boolean;
  readonly noNewPrivileges: boolean;
  readonly seccomp: boolean;
  readonly landlock: LandlockRules | undefined;
}

/** Appends the confinement to a request under construction. */
export function packConfinement(confinement: Confinement, texts: string[], numbers: number[]): void {
  const { cgroup, mounts, landlock, label } = confinement;
  numbers.push(
    identifier(confinement.uid, 'uid'),
    identifier(confinement.gid, 'gid'),
    confinement.umask & 0o777,
    Math.trunc(confinement.oomScoreAdj),
    Number(confinement.dropCapabilities),
    Number(confinement.noNewPrivileges),
    Number(confinement.seccomp),
    Number(label !== undefined),
    Number(landlock !== undefined),
  );
  texts.push(cgroup.v2 ?? '', label ?? '', ...cgroup.v1);
  numbers.push(cgroup.v1.length, mounts.length);
  for (const { source, target } of mounts) texts.push(source, target);
  const readOnly = landlock?.readOnly ?? [];
  const readWrite = landlock?.readWrite ?? [];
  texts.push(...readOnly, ...readWrite);
  numbers.push(readOnly.length, readWrite.length);
  packRlimits(confinement.rlimits, numbers);
}

/** 2^32-1 means "leave as it is" to the kernel; a fraction or NaN would become some other account. */
function identifier(value: number, name: string): number {
  if (!Number.isInteger(value) || value < 0 || value >= 0xffffffff) {
    throw new TypeError(`A launch was not started: its ${name} is ${value}, which is no account number.`);
  }
  return value;
}

function packRlimits(limits: Confinement['rlimits'], numbers: number[]): void {
  const names = Object.keys(limits) as RlimitName[];
  numbers.push(names.length);
  for (const name of names) {
    const limit = limits[name];
    if (limit === undefined || !Object.hasOwn(RLIMITS, name)) {
      throw new TypeError(`A launch was not started: "${name}" is no resource limit.`);
    }
    numbers.push(RLIMITS[name], limitValue(limit.soft), limitValue(limit.hard));
  }
}

function limitValue(value: number): number {
  if (value === Infinity || value === -1) return -1;
  if (!(value >= 0)) throw new TypeError(`A launch was not started: a resource limit cannot be ${value}.`);
  return Math.trunc(value);
}
