/**
 * The control groups below a gear's own in which its launches run (`svc-<n>`, `hook-<n>`), so that an operation that is
 * undone ends exactly what it began. Invariant: groups that were there before, and SSH sessions, are left alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { kill, processes, removeGroup } from '../host/cgroup.js';
import { effect } from '../native/effect.js';
import { errnoOf } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import { groupPath, SESSION_GROUP } from '../gear/limits.js';
import type { Node } from '../node/node.js';

interface Named {
  readonly uuid: string;
}

/** Names of the launches' groups that are there now. */
export function launchGroups(node: Node, gear: Named): readonly string[] {
  if (node.cgroups.v2 === undefined) return [];
  try {
    using group = Directory.open(`${node.cgroups.v2}${groupPath(node, gear.uuid)}`);
    return group
      .list()
      .filter((entry) => entry.type === 'directory' && entry.name !== SESSION_GROUP)
      .map((entry) => entry.name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function end(node: Node, gear: Named, name: string): Promise<void> {
  const path = `${groupPath(node, gear.uuid)}/${name}`;
  await kill(node.cgroups, path);
  await removeGroup(node.cgroups, path);
}

/** Its group may have served an earlier hook: that it was there before says nothing of what runs in it. */
const isHook = (name: string): boolean => name.startsWith('hook-');

/** Kills and removes every launch's group that is not in `before`. */
export async function endNewLaunches(node: Node, gear: Named, before: readonly string[]): Promise<void> {
  for (const name of launchGroups(node, gear)) if (!before.includes(name)) await end(node, gear, name);
}

/**
 * Kills the hooks that a dead process has left running. The caller holds the gear's lock, so that none of a live
 * process is among them.
 */
export async function endHooks(node: Node, gear: Named): Promise<void> {
  for (const name of launchGroups(node, gear).filter(isHook)) await end(node, gear, name);
}

/** Removes the launches' groups in which nothing runs any more. */
export async function removeEmptyLaunches(node: Node, gear: Named): Promise<void> {
  for (const name of launchGroups(node, gear)) {
    const path = `${groupPath(node, gear.uuid)}/${name}`;
    if (processes(node.cgroups, path).length === 0) await removeGroup(node.cgroups, path);
  }
}

function belongsTo(pid: number, prefixes: readonly string[]): boolean {
  const inside = (text: string): boolean => prefixes.some((prefix) => text.startsWith(prefix));
  try {
    using process = Directory.open(`/proc/${pid}`);
    return (
      inside(`${process.readlink('cwd')}/`) ||
      process
        .readText('cmdline')
        .split('\0')
        .some((word) => inside(`${word}/`))
    );
  } catch {
    return false; // it has ended
  }
}

const KILL_TRIES = 100;

/**
 * Kills what still runs in or out of a cartridge's directory, or writes its logs: what did not stop when it was told to,
 * and helpers that are about to end. Returns when nothing of it is left.
 */
export async function killProcessesOf(
  node: Node,
  gear: Named & { readonly home: string },
  directory: string,
): Promise<void> {
  const prefixes = [`${gear.home}/${directory}/`, `${gear.home}/app-root/logs/${directory}`];
  for (let tries = 0; tries < KILL_TRIES; tries += 1) {
    const left = processes(node.cgroups, groupPath(node, gear.uuid)).filter((pid) =>
      belongsTo(pid, prefixes),
    );
    if (left.length === 0) return;
    for (const pid of left) {
      effect('process.kill', String(pid));
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if (errnoOf(error) !== 'ESRCH') throw error;
      }
    }
    await sleep(10);
  }
}
