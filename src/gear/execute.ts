/**
 * Runs a program inside a gear: as its user, in its confinement, with an environment built from nothing, a
 * working directory and a deadline. Also the one other profile, hooks of the old layout, which are root's by
 * contract. Invariant: no other file of this house starts a process for a gear.
 */
import { join } from 'node:path';
import { createGroup, groupExists, placement } from '../host/cgroup.js';
import { requireLabel } from '../host/selinux.js';
import { errnoOf, OoError } from '../native/error.js';
import {
  launch,
  type Confinement,
  type Launched,
  type LaunchOptions,
  type LaunchResult,
} from '../native/launch.js';
import { readGlobalEnvironment } from '../node/global-environment.js';
import type { Node } from '../node/node.js';
import { gearConfinement } from './confinement.js';
import { gearEnvironment } from './environment.js';
import type { Gear } from './gear.js';
import { labelled } from './label.js';
import { ensureLimits } from './limits.js';

export interface ExecuteOptions extends Omit<LaunchOptions, 'env' | 'cwd' | 'confinement'> {
  /** Laid over the gear's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute; the gear's home when absent. */
  readonly cwd?: string;
  /** Directory name of the cartridge whose `env` comes last. */
  readonly cartridge?: string;
}

/** A process that already runs as the gear (a git hook's program) has no more rights to give up. */
function alreadyInside(gear: Gear): boolean {
  return process.getuid?.() === gear.uid;
}

/** Starts a program inside a gear; `result` settles when it and all it left behind are gone. */
export async function launchInGear(node: Node, gear: Gear, options: ExecuteOptions): Promise<Launched> {
  const { env, cwd, cartridge, ...rest } = options;
  let confinement: Confinement | undefined;
  if (!alreadyInside(gear)) {
    await ensureLimits(node, gear.uuid);
    confinement = gearConfinement(node, gear);
    if (confinement.label !== undefined) requireLabel(confinement.label);
  }
  const environment = gearEnvironment(node, gear, cartridge === undefined ? {} : { cartridge });
  try {
    return await launch({
      deadline: node.config.hookTimeout,
      ...rest,
      env: { ...environment, ...env },
      cwd: cwd ?? gear.home,
      confinement,
    });
  } catch (error) {
    throw errnoOf(error) === 'E2BIG' ? tooLong(gear, rest, error) : error;
  }
}

const LONGEST_WORD = 131_071;

function tooLong(gear: Gear, { file, argv }: Pick<LaunchOptions, 'file' | 'argv'>, cause: unknown): OoError {
  const longest = Math.max(...argv.map((word) => Buffer.byteLength(word)));
  const why =
    longest > LONGEST_WORD
      ? `an argument has ${longest} bytes, and one can have ${LONGEST_WORD}`
      : 'its arguments and its environment are together longer than a program can be given';
  return new OoError(`${file} was not started: ${why}. Nothing was done.`, {
    code: 'ERR_TOO_LONG',
    exitCode: 255,
    gear: gear.uuid,
    cause,
  });
}

export async function executeInGear(node: Node, gear: Gear, options: ExecuteOptions): Promise<LaunchResult> {
  return (await launchInGear(node, gear, options)).result;
}

const CLEAN_PATH = '/sbin:/bin:/usr/sbin:/usr/bin';
const FULL_RANGE = 'unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023';

function nodeConfinement(node: Node, group: string): Confinement {
  return {
    uid: 0,
    gid: 0,
    cgroup: placement(node.cgroups, group),
    mounts: [],
    rlimits: {},
    umask: 0o022,
    oomScoreAdj: 0,
    label: labelled() ? FULL_RANGE : undefined,
    dropCapabilities: false,
    noNewPrivileges: false,
    seccomp: false,
    landlock: undefined,
  };
}

/**
 * Runs a hook of the old layout: as root, full label range, clean environment, in a group of its own below
 * `/openshift/.node` that is killed whole at its end or deadline. Refused unless node.conf allows such
 * cartridges.
 */
export async function executeAsNode(
  node: Node,
  options: Omit<ExecuteOptions, 'cartridge' | 'keep'>,
): Promise<LaunchResult> {
  if (!node.config.allowOldLayoutCartridges) {
    throw new OoError(
      `${options.file} was not run: hooks of the old layout run as root, and node.conf does not allow them (ALLOW_OLD_LAYOUT_CARTRIDGES).`,
      { code: 'ERR_OLD_LAYOUT', exitCode: 1 },
    );
  }
  const group = join(node.config.cgroupRoot, '.node');
  if (!groupExists(node.cgroups, group)) await createGroup(node.cgroups, group, {});
  const { env, cwd, ...rest } = options;
  if (labelled()) requireLabel(FULL_RANGE);
  const launched = await launch({
    deadline: node.config.hookTimeout,
    ...rest,
    env: {
      ...readGlobalEnvironment(node.paths.globalEnvironment),
      PATH: CLEAN_PATH,
      HOME: '/root',
      USER: 'root',
      LOGNAME: 'root',
      SHELL: '/bin/bash',
      ...env,
    },
    cwd: cwd ?? '/',
    confinement: nodeConfinement(node, group),
  });
  return launched.result;
}
