/**
 * How every process of a gear is confined. One object feeds `launch`; its text, in `.confinement/<uuid>`,
 * feeds pam_oo and oo-login, so that a hook and an SSH session cannot differ. Invariant: the text is made
 * from the object alone.
 */
import { Directory } from '../native/beneath.js';
import type { Confinement, LandlockRules, MountBinding } from '../native/launch.js';
import { enforcing } from '../native/selinux.js';
import { placement } from '../host/cgroup.js';
import { readGlobalEnvironment } from '../node/global-environment.js';
import type { Node } from '../node/node.js';
import { homeOf } from './home-path.js';
import { labelled, gearLabel } from './label.js';
import { groupPath, rlimits, SESSION_GROUP } from './limits.js';

/** The kernel takes memory back from gears before it takes it from the node. */
const OOM_SCORE = 500;
const DEFAULT_UMASK = 0o077;

/** Who is confined; a `Gear` is one, and so is a gear that is only being made. */
export interface Confined {
  readonly uuid: string;
  readonly uid: number;
  readonly gid: number;
}

function umaskOf(node: Node): number {
  const text = readGlobalEnvironment(node.paths.globalEnvironment)['OPENSHIFT_UMASK']?.trim() ?? '';
  return /^[0-7]{1,4}$/.test(text) ? parseInt(text, 8) & 0o777 : DEFAULT_UMASK;
}

/** The gear's own /tmp, /var/tmp and /dev/shm: on its quota, gone with it. */
export function gearMounts(home: string): readonly MountBinding[] {
  return [
    // eslint-disable-next-line no-restricted-syntax -- where the gear sees its own directory
    { source: `${home}/.tmp/tmp`, target: '/tmp' },
    { source: `${home}/.tmp/var-tmp`, target: '/var/tmp' },
    { source: `${home}/.tmp/shm`, target: '/dev/shm' },
  ];
}

const SYSTEM = [
  '/bin',
  '/sbin',
  '/usr',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/etc',
  '/opt',
  '/proc',
  '/sys',
  '/run',
];
const DEVICES = [
  '/dev/null',
  '/dev/zero',
  '/dev/full',
  '/dev/random',
  '/dev/urandom',
  '/dev/tty',
  '/dev/ptmx',
  '/dev/pts',
];

function landlockRules(node: Node, home: string): LandlockRules {
  return {
    readOnly: [
      ...SYSTEM,
      node.paths.cartridgeRepository,
      // Its own file there (mode bits hide the others): a program in the gear may start the account's login
      // shell.
      node.paths.confinement,
      node.config.libexecDir,
      node.config.cartridgeBasePath,
    ],
    readWrite: [home, ...gearMounts(home).map(({ source }) => source), ...DEVICES],
  };
}

/** Where SELinux is enforcing, its policy holds what Landlock would. */
export function usesLandlock(node: Node): boolean {
  return node.config.confineLandlock && !(labelled() && enforcing());
}

export function gearConfinement(node: Node, gear: Confined): Confinement {
  const home = homeOf(node, gear.uuid);
  return {
    uid: gear.uid,
    gid: gear.gid,
    cgroup: placement(node.cgroups, groupPath(node, gear.uuid)),
    mounts: gearMounts(home),
    rlimits: rlimits(node),
    umask: umaskOf(node),
    oomScoreAdj: OOM_SCORE,
    label: gearLabel(node, gear.uid),
    dropCapabilities: true,
    noNewPrivileges: true,
    seccomp: node.config.confineSeccomp,
    landlock: usesLandlock(node) ? landlockRules(node, home) : undefined,
  };
}

function limitText(value: number): string {
  return Number.isFinite(value) ? String(value) : '-1';
}

export function confinementText(node: Node, gear: Confined, confinement: Confinement): string {
  const lines = [
    `uuid=${gear.uuid}`,
    `uid=${confinement.uid}`,
    `gid=${confinement.gid}`,
    `home=${homeOf(node, gear.uuid)}`,
    `cgroup=${groupPath(node, gear.uuid)}/${SESSION_GROUP}`,
    `label=${confinement.label ?? ''}`,
    `umask=${confinement.umask.toString(8).padStart(3, '0')}`,
    `oom_score_adj=${confinement.oomScoreAdj}`,
    ...Object.entries(confinement.rlimits).map(
      ([name, limit]) => `rlimit.${name}=${limitText(limit.soft)}:${limitText(limit.hard)}`,
    ),
    ...confinement.mounts.map(({ source, target }) => `mount=${source} ${target}`),
    'no_new_privs=1',
    `seccomp=${confinement.seccomp ? 1 : 0}`,
    `landlock=${confinement.landlock === undefined ? 0 : 1}`,
    ...(confinement.landlock?.readOnly ?? []).map((path) => `landlock.ro=${path}`),
    ...(confinement.landlock?.readWrite ?? []).map((path) => `landlock.rw=${path}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Writes the gear's confinement file; `durable: false` where a sync of the file system follows. */
export function writeConfinement(
  node: Node,
  gear: Confined,
  options: { readonly durable?: boolean } = {},
): void {
  const directory = Directory.open(node.paths.confinement);
  try {
    directory.write(gear.uuid, confinementText(node, gear, gearConfinement(node, gear)), {
      mode: 0o640,
      owner: { uid: 0, gid: gear.gid },
      ...options,
    });
  } finally {
    directory.close();
  }
}

/** Brings the file up to what the node's configuration says now; true when it had to be written. */
export function refreshConfinement(node: Node, gear: Confined): boolean {
  const directory = Directory.open(node.paths.confinement);
  try {
    const text = confinementText(node, gear, gearConfinement(node, gear));
    if (directory.tryReadText(gear.uuid) === text) return false;
  } finally {
    directory.close();
  }
  writeConfinement(node, gear);
  return true;
}

export function removeConfinement(node: Node, uuid: string): void {
  const directory = Directory.open(node.paths.confinement);
  try {
    directory.unlink(uuid, { missing: true });
  } finally {
    directory.close();
  }
}
