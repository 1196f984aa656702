/**
 * Groups of processes: made with their limits, killed as a whole, removed. A group is a path below the
 * hierarchies' mount points; it stands in the version 2 tree and in each version 1 hierarchy that limits.
 * Invariant: `createGroup` returns only when every limit this kernel can hold is in force; every function is
 * right when called a second time.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as native from '../native/cgroup.js';
import { effect } from '../native/effect.js';
import { errnoOf, OoError } from '../native/error.js';
import type { CgroupPlacement } from '../native/launch.js';
import { v1Settings, v2Settings, type CgroupLimits, type Setting } from './cgroup-limits.js';
import {
  limitControllers,
  v1Directories,
  v2Directory,
  type Hierarchies,
  type LimitController,
} from './hierarchies.js';

export { discover, type Hierarchies } from './hierarchies.js';
export type { CgroupLimits } from './cgroup-limits.js';

const KILL_WAIT = 10_000;

function failed(what: string, cause: unknown): OoError {
  const why = errnoOf(cause) ?? String(cause);
  return new OoError(
    `${what} failed (${why}); check that the cgroup file systems are mounted and writable.`,
    {
      code: 'ERR_CGROUP',
      step: 'cgroup',
      cause,
    },
  );
}

function write(file: string, value: string): void {
  effect('cgroup.write', `${file}=${value}`);
  writeFileSync(file, value);
}

function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  effect('cgroup.create', directory);
  try {
    mkdirSync(directory, { mode: 0o755, recursive: true });
  } catch (error) {
    throw failed(`Making the control group ${directory}`, error);
  }
}

/** Version 2: the controllers reach a group only when each group above it passes them on. */
function delegate(h: Hierarchies, mount: string, path: string): readonly LimitController[] {
  const offered = limitControllers.filter((name) => h.v2Controllers.includes(name));
  if (offered.length === 0) return [];
  let directory = mount;
  for (const part of path.split('/').filter((word) => word !== '')) {
    try {
      const file = join(directory, 'cgroup.subtree_control');
      write(file, offered.map((name) => `+${name}`).join(' '));
    } catch {
      return []; // processes sit in that group: this tree can kill and freeze, but not limit
    }
    directory = join(directory, part);
    makeDirectory(directory);
  }
  return offered;
}

/**
 * Memory alone may never pass memory and swap together, so which of the two comes first depends on whether
 * the limits rise or fall: what the kernel refuses as invalid is tried once more after the rest.
 */
function apply(directory: string, settings: readonly Setting[], again = true): void {
  const refused: Setting[] = [];
  for (const setting of settings) {
    const { file, value, optional } = setting;
    try {
      if (optional && !existsSync(join(directory, file))) continue;
      write(join(directory, file), value);
    } catch (error) {
      if (!again || errnoOf(error) !== 'EINVAL')
        throw failed(`Setting ${file} to ${value} in ${directory}`, error);
      refused.push(setting);
    }
  }
  if (refused.length > 0) apply(directory, refused, false);
}

/** Sets limits on a group that is there. */
export function setLimits(h: Hierarchies, path: string, limits: CgroupLimits): void {
  for (const controller of limitControllers) {
    const mount = h.v1[controller];
    if (mount !== undefined)
      apply(
        join(mount, path),
        v1Settings(limits).filter((s) => s.controller === controller),
      );
  }
  if (h.v2 === undefined || h.v2Controllers.length === 0) return;
  const settings = v2Settings(limits).filter((s) => h.v2Controllers.includes(s.controller));
  const directory = join(h.v2, path);
  apply(
    directory,
    settings.filter((setting) => existsSync(join(directory, setting.file))),
  );
}

/** Makes a group and puts its limits in force. With `children`, groups below it in the version 2 tree too. */
export async function createGroup(
  h: Hierarchies,
  path: string,
  limits: CgroupLimits,
  children: readonly string[] = [],
): Promise<void> {
  for (const directory of v1Directories(h, path)) makeDirectory(directory);
  if (h.v2 !== undefined) {
    makeDirectory(join(h.v2, dirname(path)));
    delegate(h, h.v2, path);
    makeDirectory(join(h.v2, path));
  }
  setLimits(h, path, limits);
  if (h.v2 !== undefined) for (const child of children) makeDirectory(join(h.v2, path, child));
}

/** Is the group there in every hierarchy it belongs to? After a reboot it is not. */
export function groupExists(h: Hierarchies, path: string): boolean {
  const v2 = v2Directory(h, path);
  return (
    (v2 === undefined || existsSync(v2)) && v1Directories(h, path).every((directory) => existsSync(directory))
  );
}

export function placement(h: Hierarchies, path: string): CgroupPlacement {
  return { v2: v2Directory(h, path), v1: v1Directories(h, path) };
}

/** Which limits of a group are in force: the controllers of either version. */
export function limitedBy(h: Hierarchies): readonly LimitController[] {
  return limitControllers.filter((name) => h.v1[name] !== undefined || h.v2Controllers.includes(name));
}

function groupsBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const below = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => groupsBelow(join(directory, entry.name)));
  return [...below, directory];
}

/** Process ids in a group and all groups below it. */
export function processes(h: Hierarchies, path: string): readonly number[] {
  const found = new Set<number>();
  const roots = h.v2 === undefined ? v1Directories(h, path) : [join(h.v2, path), ...v1Directories(h, path)];
  for (const root of roots) for (const pid of native.pids(root)) found.add(pid);
  return [...found];
}

function signalAll(h: Hierarchies, path: string): number {
  const pids = processes(h, path);
  for (const pid of pids) {
    effect('process.kill', String(pid));
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (errnoOf(error) !== 'ESRCH') throw failed(`Killing process ${pid} of ${path}`, error);
    }
  }
  return pids.length;
}

/** Kills every process of a group and of all groups below it, and returns when none is left. */
export async function kill(h: Hierarchies, path: string): Promise<void> {
  const v2 = v2Directory(h, path);
  if (v2 !== undefined && existsSync(v2)) {
    // Once is enough where the kernel has cgroup.kill; by list, one that was just being forked may be missed.
    const until = Date.now() + KILL_WAIT;
    do native.killGroup(v2);
    while (!(await native.waitEmpty(v2, 1000)) && Date.now() < until);
    if (!(await native.waitEmpty(v2, 0))) throw failed(`Killing the processes of ${path}`, 'still alive');
  }
  // Whoever entered a version 1 hierarchy alone (or all of them, where there is no version 2 tree).
  const until = Date.now() + KILL_WAIT;
  for (let wait = 1; signalAll(h, path) > 0; wait = Math.min(wait * 2, 50)) {
    if (Date.now() > until) throw failed(`Killing the processes of ${path}`, 'still alive');
    await sleep(wait);
  }
}

export function freeze(h: Hierarchies, path: string): void {
  const directory =
    v2Directory(h, path) ?? (h.v1.freezer === undefined ? undefined : join(h.v1.freezer, path));
  if (directory === undefined) throw failed(`Freezing ${path}`, 'there is no freezer');
  native.freeze(directory);
}

export function thaw(h: Hierarchies, path: string): void {
  const directory =
    v2Directory(h, path) ?? (h.v1.freezer === undefined ? undefined : join(h.v1.freezer, path));
  if (directory === undefined) throw failed(`Thawing ${path}`, 'there is no freezer');
  native.thaw(directory);
}

/**
 * Removes an emptied group with all groups below it, in every hierarchy. Its parent, the root of all gears,
 * stays.
 */
export async function removeGroup(h: Hierarchies, path: string): Promise<void> {
  const roots = h.v2 === undefined ? v1Directories(h, path) : [join(h.v2, path), ...v1Directories(h, path)];
  for (const root of roots) {
    for (const directory of groupsBelow(root)) {
      effect('cgroup.remove', directory);
      await removeDirectory(directory);
    }
  }
}

/** The kernel answers EBUSY for a moment after the last process has gone. */
async function removeDirectory(directory: string): Promise<void> {
  for (let wait = 1; ; wait *= 2) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      if (errnoOf(error) !== 'EBUSY' || wait > 1024)
        throw failed(`Removing the control group ${directory}`, error);
    }
    await sleep(wait);
  }
}
