/**
 * resource_limits.conf: what one gear of this node may use. A key is the kernel's name with `_` for `.`
 * (`memory_limit_in_bytes`), or `limits_` and the name of an rlimit, or `quota_`. Invariant: limits that are
 * not written fall back to the documented numbers, never to "none"; a value that is not allowed ends the
 * program with 253.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { OoError } from '../native/error.js';
import { readSettings, type Settings } from './settings.js';

const count = (low = 0) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,16}$/, `an integer of at least ${low}`),
    v.transform(Number),
    v.minValue(low, `an integer of at least ${low}`),
  );
/** A hard limit, or `-` or `unlimited` as limits.conf writes "none". */
const rlimit = v.pipe(
  v.string(),
  v.regex(/^(\d{1,16}|-|-1|unlimited|infinity)$/, 'an integer or "unlimited"'),
  v.transform((text) => (/^\d/.test(text) ? Number(text) : Infinity)),
);

export const rlimitNames = [
  'core',
  'cpu',
  'data',
  'fsize',
  'memlock',
  'nofile',
  'nproc',
  'rss',
  'stack',
  'as',
  'msgqueue',
  'nice',
  'rtprio',
  'sigpending',
  'locks',
] as const;
export type LimitedResource = (typeof rlimitNames)[number];

const schema = v.object({
  node_profile: v.optional(v.pipe(v.string(), v.regex(/^[\w.-]{1,64}$/, 'one word')), 'small'),
  quota_files: v.optional(count(1), '80000'),
  quota_blocks: v.optional(count(1), '1048576'),
  max_active_gears: v.optional(count(), '0'),
  no_overcommit_active: v.optional(
    v.pipe(
      v.string(),
      v.transform((t) => /^(true|t|yes|y|1)$/i.test(t)),
    ),
    'false',
  ),
  cpu_shares: v.optional(count(2), '128'),
  cpu_cfs_quota_us: v.optional(count(1000), '200000'),
  cpu_cfs_period_us: v.optional(count(1000), '100000'),
  memory_limit_in_bytes: v.optional(count(1_048_576), '536870912'),
  memory_memsw_limit_in_bytes: v.optional(count(1_048_576), '641728512'),
  memory_soft_limit_in_bytes: v.optional(count(1_048_576)),
  memory_swappiness: v.optional(count()),
  memory_oom_control: v.optional(count()),
  pids_max: v.optional(count(1)),
  ...(Object.fromEntries(rlimitNames.map((name) => [`limits_${name}`, v.optional(rlimit)])) as Record<
    `limits_${LimitedResource}`,
    v.OptionalSchema<typeof rlimit, undefined>
  >),
});

export interface ResourceLimits {
  readonly profile: string;
  readonly maxActiveGears: number;
  readonly noOvercommitActive: boolean;
  /** Hard limits on the gear's files: 1 KiB blocks and inodes. */
  readonly quota: { readonly blocks: number; readonly files: number };
  readonly cpuShares: number;
  readonly cpuQuotaUs: number;
  readonly cpuPeriodUs: number;
  readonly memoryLimit: number;
  /** Memory and swap together. */
  readonly memorySwapLimit: number;
  readonly memorySoftLimit: number | undefined;
  readonly swappiness: number | undefined;
  /** 1: the kernel does not kill in a gear that is out of memory, its processes wait. */
  readonly oomKillDisable: boolean;
  readonly pidsMax: number;
  /** In the kernel's units: bytes, seconds, counts. */
  readonly rlimits: Readonly<Record<LimitedResource, number>>;
}

/**
 * In the units of limits.conf(5). All of them are set, so that a gear's process has the same limits whoever
 * starts it; what is left out of the file would otherwise be inherited from sshd in one case and from the
 * agent in another.
 */
const DEFAULT_RLIMITS: Readonly<Record<LimitedResource, number>> = {
  core: 0,
  cpu: Infinity,
  data: Infinity,
  fsize: Infinity,
  memlock: 64,
  nofile: 4096,
  nproc: 250,
  rss: Infinity,
  stack: 8192,
  as: Infinity,
  msgqueue: 819_200,
  nice: 0,
  rtprio: 0,
  sigpending: 4096,
  locks: Infinity,
};
/** limits.conf(5) counts memory in KiB and processor time in minutes; the kernel in bytes and seconds. */
const UNITS: Readonly<Partial<Record<LimitedResource, number>>> = {
  core: 1024,
  data: 1024,
  fsize: 1024,
  memlock: 1024,
  rss: 1024,
  stack: 1024,
  as: 1024,
  cpu: 60,
};

export function parseResourceLimits(settings: Settings): ResourceLimits {
  const result = v.safeParse(schema, settings.values);
  if (!result.success) {
    const issue = result.issues[0];
    const key = String(issue.path?.[0]?.key ?? '?');
    const given = JSON.stringify(issue.input);
    throw new OoError(
      `${settings.file}: ${key}=${given} is not ${issue.message}. Nothing was done; correct the line.`,
      {
        code: 'ERR_CONFIG',
        exitCode: 253,
      },
    );
  }
  const raw = result.output;
  if (raw.memory_memsw_limit_in_bytes < raw.memory_limit_in_bytes) {
    throw new OoError(
      `${settings.file}: memory_memsw_limit_in_bytes is below memory_limit_in_bytes. Nothing was done; correct the lines.`,
      { code: 'ERR_CONFIG', exitCode: 253 },
    );
  }
  const rlimits = Object.fromEntries(
    rlimitNames.map((name) => [name, (raw[`limits_${name}`] ?? DEFAULT_RLIMITS[name]) * (UNITS[name] ?? 1)]),
  ) as Record<LimitedResource, number>;
  const { nproc } = rlimits;
  return {
    profile: raw.node_profile,
    maxActiveGears: raw.max_active_gears,
    noOvercommitActive: raw.no_overcommit_active,
    quota: { blocks: raw.quota_blocks, files: raw.quota_files },
    cpuShares: raw.cpu_shares,
    cpuQuotaUs: raw.cpu_cfs_quota_us,
    cpuPeriodUs: raw.cpu_cfs_period_us,
    memoryLimit: raw.memory_limit_in_bytes,
    memorySwapLimit: raw.memory_memsw_limit_in_bytes,
    memorySoftLimit: raw.memory_soft_limit_in_bytes,
    swappiness: raw.memory_swappiness,
    oomKillDisable: raw.memory_oom_control === 1,
    pidsMax: raw.pids_max ?? (Number.isFinite(nproc) ? Math.max(nproc, 1) : 32_768),
    rlimits,
  };
}

/** Reads and checks `resource_limits.conf`. */
export function loadResourceLimits(confDir: string): ResourceLimits {
  return parseResourceLimits(readSettings(join(confDir, 'resource_limits.conf')));
}
