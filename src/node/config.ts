/**
 * node.conf as the rest of the node sees it: typed, checked once, defaults filled in. A value that is not
 * allowed is reported by its key with what is allowed, and the program ends with 253: a node that misreads
 * its configuration would give gears the wrong limits. Invariant: whatever holds a `NodeConfig` needs no
 * check of its own.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { OoError } from '../native/error.js';
import { readSettings, type Settings } from './settings.js';

const boolean = v.pipe(
  v.string(),
  v.transform((text) => /^(true|t|yes|y|1)$/i.test(text)),
);
const integer = (low: number, high: number) =>
  v.pipe(
    v.string(),
    v.regex(/^-?\d{1,12}$/, `an integer from ${low} to ${high}`),
    v.transform(Number),
    v.minValue(low, `an integer from ${low} to ${high}`),
    v.maxValue(high, `an integer from ${low} to ${high}`),
  );
const path = v.pipe(
  v.string(),
  v.regex(/^\/(?!.*(?:^|\/)\.\.?(?:\/|$))[^\0\n]*$/, 'an absolute path without . and ..'),
  v.transform((text) => (text.length > 1 ? text.replace(/\/+$/, '') : text)),
);
const host = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9]([-.A-Za-z0-9]{0,253}[A-Za-z0-9])?$/, 'a host name or an address'),
);
const line = v.pipe(v.string(), v.regex(/^[^:\n\0]*$/, 'one line without a colon'));
const words = v.pipe(
  v.string(),
  v.transform((text) => text.split(/[\s,]+/).filter((word) => word !== '')),
);
const level = v.picklist(['DEBUG', 'INFO', 'WARN', 'ERROR'], 'one of DEBUG, INFO, WARN, ERROR');
const layers = ['selinux', 'landlock', 'seccomp', 'quota', 'cgroup'] as const;
const portProxy = v.picklist(
  ['iptables', 'iptables-legacy', 'iptables-nft', 'nftables'],
  'one of iptables, iptables-legacy, iptables-nft, nftables',
);
const layerList = v.pipe(words, v.array(v.picklist(layers, `a list of ${layers.join(', ')}`)));

/** A layer of confinement that node.conf can demand. */
export type Layer = (typeof layers)[number];

const schema = v.object({
  PUBLIC_HOSTNAME: v.optional(host, 'localhost'),
  PUBLIC_IP: v.optional(v.pipe(v.string(), v.ip('an IP address')), '127.0.0.1'),
  BROKER_HOST: v.optional(host, 'localhost'),
  CLOUD_DOMAIN: v.optional(host, 'example.com'),
  EXTERNAL_ETH_DEV: v.optional(v.pipe(v.string(), v.regex(/^[^\s/]{1,15}$/, 'a network device')), 'eth0'),
  GEAR_BASE_DIR: v.optional(path, '/var/lib/openshift'),
  GEAR_SHELL: v.optional(path, '/usr/libexec/openshift/oo-login'),
  GEAR_GECOS: v.optional(line, 'OpenShift guest'),
  GEAR_MIN_UID: v.optional(integer(1, 0xffff_fffe), '1000'),
  GEAR_MAX_UID: v.optional(integer(1, 0xffff_fffe), '6999'),
  GEAR_LOCK_TIMEOUT: v.optional(integer(1, 3600), '60'),
  UID_BEGIN: v.optional(integer(0, 0xffff_fffe), '500'),
  PORT_BEGIN: v.optional(integer(1024, 65_535), '35531'),
  PORTS_PER_USER: v.optional(integer(1, 1000), '5'),
  WRAPAROUND_UID: v.optional(integer(1, 131_072), '65536'),
  PORT_PROXY: v.optional(portProxy, 'iptables'),
  DRAIN_TIMEOUT: v.optional(integer(0, 300), '10'),
  IP_ADDRESS_WRAPAROUND_OFFSET: v.optional(integer(0, 999), '1'),
  SELINUX_MCS_SET_SIZE: v.optional(integer(2, 1024), '1024'),
  SELINUX_MCS_GROUP_SIZE: v.optional(integer(1, 5), '2'),
  SELINUX_MCS_UID_OFFSET: v.optional(integer(0, 0xffff_fffe), '0'),
  SELINUX_MLS_NUM: v.optional(integer(0, 15), '0'),
  CARTRIDGE_BASE_PATH: v.optional(path, '/usr/libexec/openshift/cartridges'),
  LAST_ACCESS_DIR: v.optional(path),
  OPENSHIFT_CGROUP_ROOT: v.optional(path, '/openshift'),
  USER_VARIABLE_MAX_COUNT: v.optional(integer(0, 10_000), '50'),
  QUOTA_WARNING_PERCENT: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,3}(\.\d+)?$/, 'a percentage'),
      v.transform(Number),
      v.maxValue(100, 'a percentage'),
    ),
    '90.0',
  ),
  ALLOW_OLD_LAYOUT_CARTRIDGES: v.optional(boolean, 'true'),
  CONFINE_SECCOMP: v.optional(boolean, 'true'),
  CONFINE_LANDLOCK: v.optional(boolean, 'true'),
  REQUIRE_LAYERS: v.optional(layerList, ''),
  HOOK_TIMEOUT: v.optional(integer(1, 86_400), '3600'),
  PLATFORM_LOG_FILE: v.optional(path, '/var/log/openshift/node/platform.log'),
  PLATFORM_LOG_LEVEL: v.optional(level, 'INFO'),
  PLATFORM_LOG_FORMAT: v.optional(v.picklist(['json', 'plain'], 'json or plain'), 'plain'),
  ACTION_LOG_FILE: v.optional(path, '/var/log/openshift/node/actions.log'),
  RUN_DIR: v.optional(path, '/run/openshift'),
  LIBEXEC_DIR: v.optional(path, '/usr/libexec/openshift'),
});

type Raw = v.InferOutput<typeof schema>;

/** Every key that node.conf may have. */
export const configKeys: readonly string[] = Object.keys(schema.entries);

function shape(confDir: string, raw: Raw) {
  return {
    confDir,
    publicHostname: raw.PUBLIC_HOSTNAME,
    publicIp: raw.PUBLIC_IP,
    brokerHost: raw.BROKER_HOST,
    cloudDomain: raw.CLOUD_DOMAIN,
    externalDevice: raw.EXTERNAL_ETH_DEV,
    gearBaseDir: raw.GEAR_BASE_DIR,
    gearShell: raw.GEAR_SHELL,
    gearGecos: raw.GEAR_GECOS,
    gearMinUid: raw.GEAR_MIN_UID,
    gearMaxUid: raw.GEAR_MAX_UID,
    /** Milliseconds an operation waits for another one on the same gear. */
    gearLockTimeout: raw.GEAR_LOCK_TIMEOUT * 1000,
    /** What addresses, ports and labels are counted from; `IdentityRules` of src/gear/identity.ts. */
    identity: {
      uidBegin: raw.UID_BEGIN,
      portBegin: raw.PORT_BEGIN,
      portsPerUser: raw.PORTS_PER_USER,
      wraparoundUid: raw.WRAPAROUND_UID,
      addressOffset: raw.IP_ADDRESS_WRAPAROUND_OFFSET,
      mcsSetSize: raw.SELINUX_MCS_SET_SIZE,
      mcsGroupSize: raw.SELINUX_MCS_GROUP_SIZE,
      mcsUidOffset: raw.SELINUX_MCS_UID_OFFSET,
      mlsLevel: raw.SELINUX_MLS_NUM,
    },
    /** What leads public ports to gears; `iptables` is whichever variant the distribution has chosen. */
    portProxy: raw.PORT_PROXY,
    /** Milliseconds the running requests of a gear that is being destroyed may take to end. */
    drainTimeout: raw.DRAIN_TIMEOUT * 1000,
    cartridgeBasePath: raw.CARTRIDGE_BASE_PATH,
    lastAccessDir: raw.LAST_ACCESS_DIR ?? join(raw.GEAR_BASE_DIR, '.last_access'),
    cgroupRoot: raw.OPENSHIFT_CGROUP_ROOT,
    userVariableMaxCount: raw.USER_VARIABLE_MAX_COUNT,
    quotaWarningPercent: raw.QUOTA_WARNING_PERCENT,
    /** May hooks of the old layout (`info/hooks/ACTION`, which run as root) be launched at all? */
    allowOldLayoutCartridges: raw.ALLOW_OLD_LAYOUT_CARTRIDGES,
    confineSeccomp: raw.CONFINE_SECCOMP,
    confineLandlock: raw.CONFINE_LANDLOCK,
    requireLayers: raw.REQUIRE_LAYERS as readonly Layer[],
    /** Milliseconds a hook may take when the caller sets no deadline. */
    hookTimeout: raw.HOOK_TIMEOUT * 1000,
    platformLogFile: raw.PLATFORM_LOG_FILE,
    platformLogLevel: raw.PLATFORM_LOG_LEVEL,
    platformLogFormat: raw.PLATFORM_LOG_FORMAT,
    actionLogFile: raw.ACTION_LOG_FILE,
    runDir: raw.RUN_DIR,
    libexecDir: raw.LIBEXEC_DIR,
  } as const;
}

export type NodeConfig = ReturnType<typeof shape>;

/** The folder of the configuration: `OPENSHIFT_CONF_DIR` moves it. */
export function confDirectory(): string {
  return process.env['OPENSHIFT_CONF_DIR'] ?? '/etc/openshift';
}

export function parseConfig(confDir: string, settings: Settings): NodeConfig {
  const result = v.safeParse(schema, settings.values);
  if (!result.success) {
    const issue = result.issues[0];
    const key = String(issue.path?.[0]?.key ?? '?');
    throw new OoError(
      `${settings.file}: ${key}=${JSON.stringify(issue.input)} is not ${issue.message}. Nothing was done; correct the line.`,
      { code: 'ERR_CONFIG', exitCode: 253 },
    );
  }
  const raw = result.output;
  if (raw.GEAR_MIN_UID > raw.GEAR_MAX_UID) {
    throw new OoError(
      `${settings.file}: GEAR_MIN_UID=${raw.GEAR_MIN_UID} is above GEAR_MAX_UID=${raw.GEAR_MAX_UID}. Nothing was done; correct the lines.`,
      { code: 'ERR_CONFIG', exitCode: 253 },
    );
  }
  return shape(confDir, raw);
}

/** Reads and checks `node.conf`. */
export function loadConfig(confDir: string = confDirectory()): NodeConfig {
  return parseConfig(confDir, readSettings(join(confDir, 'node.conf')));
}
