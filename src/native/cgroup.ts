/**
 * Small acts on one cgroup directory (an absolute path in either version's tree): end, hold, count, wait. Which
 * directory that is, host/cgroup decides. Invariant: a group that is gone counts as empty and as killed.
 */
import { effect } from './effect.js';
import { errnoOf } from './error.js';
import { addon, nativeError } from './load.js';

interface CgroupAddon {
  cgroupKill(directory: string): void;
  cgroupFreeze(directory: string, frozen: boolean): void;
  cgroupPids(directory: string, subtree: boolean): number[];
  cgroupWaitEmpty(directory: string, milliseconds: number): Promise<boolean>;
}

/** SIGKILL to the whole subtree: at once in v2; in v1 by signals, held still by the freezer where it is mounted. */
export function killGroup(directory: string): void {
  effect('cgroup.kill', directory);
  act(directory, 'was not killed', () => addon<CgroupAddon>().cgroupKill(directory));
}

export function freeze(directory: string): void {
  effect('cgroup.freeze', directory);
  act(directory, 'was not frozen', () => addon<CgroupAddon>().cgroupFreeze(directory, true), false);
}

export function thaw(directory: string): void {
  effect('cgroup.thaw', directory);
  act(directory, 'was not thawed', () => addon<CgroupAddon>().cgroupFreeze(directory, false));
}

/** True when no process is left in the subtree within so many milliseconds. Off the event loop. */
export async function waitEmpty(directory: string, milliseconds: number): Promise<boolean> {
  try {
    return await addon<CgroupAddon>().cgroupWaitEmpty(directory, milliseconds);
  } catch (error) {
    throw nativeError(error, `The processes of ${directory} could not be watched`);
  }
}

/** Processes of the group and all groups below it (`own`: of this one only). */
export function pids(directory: string, own = false): number[] {
  return act(directory, 'could not be read', () => addon<CgroupAddon>().cgroupPids(directory, !own)) ?? [];
}

function act<T>(directory: string, what: string, action: () => T, goneIsFine = true): T | undefined {
  try {
    return action();
  } catch (error) {
    const code = errnoOf(error);
    if (goneIsFine && (code === 'ENOENT' || code === 'ENODEV')) return undefined;
    throw nativeError(error, `The control group ${directory} ${what}`);
  }
}
