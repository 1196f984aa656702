/**
 * What confines a launch, as the caller says it, and as the addon wants it: flat, lists NUL-joined with their counts,
 * so that one call crosses the border quickly. Invariant: nothing is defaulted here; what is absent was absent.
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

export function flattenConfinement(confinement: Confinement): Record<string, unknown> {
  const { cgroup, mounts, landlock, label } = confinement;
  return {
    uid: identifier(confinement.uid, 'uid'),
    gid: identifier(confinement.gid, 'gid'),
    v2: cgroup.v2 ?? '',
    ...list('v1', cgroup.v1),
    ...list('mounts', mounts.flatMap(({ source, target }) => [source, target])),
    rlimits: flattenRlimits(confinement.rlimits),
    umask: confinement.umask & 0o777,
    oomScoreAdj: Math.trunc(confinement.oomScoreAdj),
    hasLabel: label !== undefined,
    label: label ?? '',
    dropCapabilities: confinement.dropCapabilities,
    noNewPrivileges: confinement.noNewPrivileges,
    seccomp: confinement.seccomp,
    hasLandlock: landlock !== undefined,
    ...list('readOnly', landlock?.readOnly ?? []),
    ...list('readWrite', landlock?.readWrite ?? []),
  };
}

function list(name: string, parts: readonly string[]): Record<string, unknown> {
  return { [name]: parts.join('\0'), [`${name}Count`]: parts.length };
}

/** 2^32-1 means "leave as it is" to the kernel; a fraction or NaN would become some other account. */
function identifier(value: number, name: string): number {
  if (!Number.isInteger(value) || value < 0 || value >= 0xffffffff) {
    throw new TypeError(`A launch was not started: its ${name} is ${value}, which is no account number.`);
  }
  return value;
}

function flattenRlimits(limits: Confinement['rlimits']): number[] {
  const flat: number[] = [];
  for (const [name, limit] of Object.entries(limits)) {
    const number = RLIMITS[name as RlimitName] as number | undefined;
    if (number === undefined) throw new TypeError(`A launch was not started: "${name}" is no resource limit.`);
    flat.push(number, limitValue(limit.soft), limitValue(limit.hard));
  }
  return flat;
}

function limitValue(value: number): number {
  if (value === Infinity || value === -1) return -1;
  if (!(value >= 0)) throw new TypeError(`A launch was not started: a resource limit cannot be ${value}.`);
  return Math.trunc(value);
}
