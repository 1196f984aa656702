/**
 * The configuration a new node starts with: node.conf, resource_limits.conf and the variables of every gear, as text.
 * Invariant: a value set here is one that a program reads; what is commented out is the default of that program.
 */
export interface NodeSettings {
  readonly publicHostname: string;
  readonly publicIp: string;
  readonly brokerHost: string;
  readonly cloudDomain: string;
  readonly minUid: number;
  readonly maxUid: number;
  readonly cgroupRoot: string;
}

/** The key of node.conf that each setting is. */
export const settingKeys: Readonly<Record<keyof NodeSettings, string>> = {
  publicHostname: 'PUBLIC_HOSTNAME',
  publicIp: 'PUBLIC_IP',
  brokerHost: 'BROKER_HOST',
  cloudDomain: 'CLOUD_DOMAIN',
  minUid: 'GEAR_MIN_UID',
  maxUid: 'GEAR_MAX_UID',
  cgroupRoot: 'OPENSHIFT_CGROUP_ROOT',
};

export function nodeConf(settings: NodeSettings): string {
  return `# This node. KEY=value, readable by a shell; # begins a comment.
PUBLIC_HOSTNAME="${settings.publicHostname}"   # fully qualified, as the broker knows this node
PUBLIC_IP="${settings.publicIp}"               # address under which gears are reached from other nodes
BROKER_HOST="${settings.brokerHost}"
CLOUD_DOMAIN="${settings.cloudDomain}"         # gears are <name>-<namespace>.<this>

# Uids (and gids) of gears that come without one from the broker: the lowest that is free is taken.
GEAR_MIN_UID=${settings.minUid}
GEAR_MAX_UID=${settings.maxUid}

GEAR_BASE_DIR="/var/lib/openshift"
CARTRIDGE_BASE_PATH="/usr/libexec/openshift/cartridges"
GEAR_SHELL="/usr/libexec/openshift/oo-login"
GEAR_GECOS="OpenShift guest"
OPENSHIFT_CGROUP_ROOT="${settings.cgroupRoot}"

# What leads public ports to gears: iptables (the variant that the distribution has chosen), iptables-legacy,
# iptables-nft, or nftables (a change costs the same however many ports there are).
# After a change: oo-admin-ctl-iptables-port-proxy start
PORT_PROXY=iptables
# Seconds (0 to 300) that a gear which is destroyed has for the requests it is working on. New ones it gets no more.
DRAIN_TIMEOUT=10

# Hooks of the old layout (info/hooks/ACTION) run as root. Off, such cartridges are refused.
ALLOW_OLD_LAYOUT_CARTRIDGES=true
# Layers without which this node takes no gear: selinux, landlock, seccomp, quota, cgroup.
# REQUIRE_LAYERS="cgroup,seccomp"

PLATFORM_LOG_FILE=/var/log/openshift/node/platform.log
PLATFORM_LOG_LEVEL=INFO
ACTION_LOG_FILE=/var/log/openshift/node/actions.log

# What follows holds as it stands here when it is not set.
# PLATFORM_LOG_FORMAT=plain           # or json
# GEAR_LOCK_TIMEOUT=60                # seconds that one operation waits for another on the same gear
# HOOK_TIMEOUT=3600                   # seconds that a hook may take
# CONFINE_SECCOMP=true
# CONFINE_LANDLOCK=true               # never used where SELinux is enforcing
# LAST_ACCESS_DIR=/var/lib/openshift/.last_access
# RUN_DIR=/run/openshift
# LIBEXEC_DIR=/usr/libexec/openshift
# What the addresses, public ports and labels of a gear are counted from. Not to be changed on a node with gears.
# UID_BEGIN=500
# PORT_BEGIN=35531
# PORTS_PER_USER=5
# WRAPAROUND_UID=65536
# IP_ADDRESS_WRAPAROUND_OFFSET=1
# SELINUX_MCS_SET_SIZE=1024
# SELINUX_MCS_GROUP_SIZE=2
# SELINUX_MCS_UID_OFFSET=0
# SELINUX_MLS_NUM=0
# Checked, and without effect so far.
# EXTERNAL_ETH_DEV=eth0
# USER_VARIABLE_MAX_COUNT=50
# QUOTA_WARNING_PERCENT=90.0
`;
}

/** node.conf with these settings in it: a line that is there is replaced, a missing one is added at the end. */
export function withSettings(text: string, given: Partial<NodeSettings>): string {
  let next = text;
  for (const [name, value] of Object.entries(given)) {
    const key = settingKeys[name as keyof NodeSettings];
    const line = new RegExp(`^([ \\t]*${key}=)("[^"\\n]*"|[^\\s#]*)`, 'm');
    next = line.test(next)
      ? next.replace(line, (_, before: string) => `${before}"${String(value)}"`)
      : `${next.replace(/\n?$/, '\n')}${key}="${String(value)}"\n`;
  }
  return next;
}

export const resourceLimitsConf = `# What one gear of this node may use.
node_profile=small
quota_files=80000
quota_blocks=1048576
max_active_gears=100
no_overcommit_active=false

limits_nproc=250

cpu_shares=128
cpu_cfs_quota_us=200000
memory_limit_in_bytes=536870912
memory_memsw_limit_in_bytes=641728512
`;

/** Variables of every gear: file name and content. */
export function globalVariables(settings: NodeSettings): readonly (readonly [string, string])[] {
  return [
    ['OPENSHIFT_BROKER_HOST', settings.brokerHost],
    ['OPENSHIFT_CLOUD_DOMAIN', settings.cloudDomain],
    ['OPENSHIFT_UMASK', '077'],
    ['OPENSHIFT_CARTRIDGE_SDK_BASH', '/usr/libexec/openshift/cartridges/sdk/bash/sdk'],
    [
      'PATH',
      '/usr/libexec/openshift/bin:/usr/libexec/openshift/cartridges/sdk/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
    ],
  ];
}

export const logRotation = `/var/log/openshift/node/*.log {
  weekly
  rotate 8
  compress
  delaycompress
  missingok
  notifempty
}
`;
