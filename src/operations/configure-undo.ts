/**
 * Takes back what a configure has done, each part idempotent and right whether or not the part was reached. Invariant:
 * only what was not there before goes, and what runs in it is ended first.
 */
import { errnoOf } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import type { Gear } from '../gear/gear.js';
import { fileLabel, labelOption } from '../gear/label.js';
import { disconnectRoutes, gearRoutes } from '../gear/routes.js';
import { applyVariables } from '../cartridge/install-in-gear.js';
import { endHooks, endNewLaunches } from '../cartridge/services.js';
import { removeRepository } from '../deploy/repository.js';
import type { Node } from '../node/node.js';
import { STATE_FILE, STOP_LOCK_FILE, type Configuration, type Saved } from './configure-input.js';

/** Nothing that this configure started runs any more. */
export async function endLaunches(node: Node, gear: Gear, { before }: Configuration): Promise<void> {
  await endHooks(node, gear);
  await endNewLaunches(node, gear, before.groups);
}

/** The cartridge's directory, and whatever else is new directly in the home. */
export async function removePlaced(node: Node, gear: Gear, plan: Configuration): Promise<void> {
  await endLaunches(node, gear, plan);
  using home = Directory.open(gear.home);
  const fresh = home
    .list()
    .map((entry) => entry.name)
    .filter((name) => !plan.before.home.includes(name));
  for (const name of new Set([plan.directory, ...fresh])) await home.removeTree(name);
  for (const path of plan.before.locked) {
    try {
      await home.removeTree(path.replace(/\/$/, ''));
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
}

export function restoreVariables(node: Node, gear: Gear, plan: Configuration): void {
  applyVariables(node, gear, plan.previous);
}

export async function removeMadeRepository(node: Node, gear: Gear, plan: Configuration): Promise<void> {
  if (!plan.repository) return;
  await endLaunches(node, gear, plan);
  await removeRepository(node, gear);
}

export async function removeNewRoutes(node: Node, gear: Gear, plan: Configuration): Promise<void> {
  const fresh = gearRoutes(node, gear).filter((name) => !plan.before.routes.includes(name));
  await disconnectRoutes(node, gear, fresh);
}

function restore(
  home: Directory,
  gear: Gear,
  path: string,
  saved: Saved | null,
  label: { label?: string },
): void {
  let now: string | undefined;
  try {
    now = home.tryReadText(path, 4096);
  } catch {
    return; // the tenant has put something else there
  }
  if (saved === null) home.unlink(path, { missing: true });
  else if (now !== saved.text || (home.stat(path).mode & 0o7777) !== saved.mode)
    home.write(path, saved.text, { mode: saved.mode, owner: { uid: gear.uid, gid: gear.gid }, ...label });
}

/** Services end; the state word, the stop lock and the log folder are as before. */
export async function undoStart(node: Node, gear: Gear, plan: Configuration): Promise<void> {
  await endLaunches(node, gear, plan);
  using home = Directory.open(gear.home);
  const label = labelOption(fileLabel(node, gear.uid));
  if (plan.first) {
    restore(home, gear, STATE_FILE, plan.before.state, label);
    restore(home, gear, STOP_LOCK_FILE, plan.before.stopLock, label);
  }
  await removeLogs(home, plan.directory, plan.before.logs);
}

/** The logs a cartridge has written (they begin with the name of its directory), except those that are kept. */
export async function removeLogs(home: Directory, directory: string, kept: readonly string[]): Promise<void> {
  const own = new RegExp(`^${directory.replaceAll('.', '\\.')}([-.].*)?\\.log(\\.\\d+)?$`);
  try {
    for (const { name } of home.list('app-root/logs'))
      if (own.test(name) && !kept.includes(name)) await home.removeTree(`app-root/logs/${name}`);
  } catch (error) {
    // The tenant's own directory: one too full to be listed, or none at all, keeps no operation from its end.
    if (!['EOVERFLOW', 'ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV'].includes(errnoOf(error) ?? '')) throw error;
  }
}
