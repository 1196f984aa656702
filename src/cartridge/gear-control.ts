/**
 * Actions on a whole gear or on one of its cartridges, with the gear's state word and stop lock. Invariant: state and
 * lock belong to the primary cartridge alone and are written before its script runs; what is not asked for by a user
 * leaves a gear alone that a user has stopped.
 */
import { primaryDirectory, readEnvironment } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import {
  clearStopLock,
  readState,
  readStopLock,
  setStopLock,
  statusAttribute,
  writeState,
} from '../gear/state.js';
import { quotaOf } from '../gear/quota.js';
import type { Node } from '../node/node.js';
import { controlCartridge, withActionHooks, type ControlOptions } from './control.js';
import { failedHook, HookFailure } from './hook-failure.js';
import { isWebProxy, listCartridges, type Cartridge } from './installed.js';

export interface GearControlOptions extends ControlOptions {
  /** Default true. A boot, an idler or a push is not a user. */
  readonly userInitiated?: boolean | undefined;
}

function isPrimary(gear: Gear, cartridge: Cartridge): boolean {
  return primaryDirectory(readEnvironment(gear)) === cartridge.directory;
}

/** Others serve the primary, and a web proxy stands before it: each starts once what it needs is there. */
function startOrder(gear: Gear): readonly Cartridge[] {
  const primary = primaryDirectory(readEnvironment(gear));
  const rank = ({ directory, manifest }: Cartridge): number =>
    isWebProxy(manifest) ? 2 : directory === primary ? 1 : 0;
  return listCartridges(gear).toSorted((a, b) => rank(a) - rank(b));
}

/** The order of names, but a web proxy first: it lets its requests end while there is still somebody to answer them. */
function stopOrder(gear: Gear): readonly Cartridge[] {
  const rank = ({ manifest }: Cartridge): number => (isWebProxy(manifest) ? 0 : 1);
  return listCartridges(gear).toSorted((a, b) => rank(a) - rank(b));
}

/** The message for a start or stop nobody asked for, of a gear a user has stopped. */
function leftAlone(
  gear: Gear,
  cartridge: Cartridge,
  verb: string,
  options: GearControlOptions,
): string | undefined {
  if (options.userInitiated !== false || readStopLock(gear) === undefined) return undefined;
  return `CLIENT_MESSAGE: Not ${verb} cartridge ${cartridge.name} because the application was explicitly stopped by the user\n`;
}

async function startOne(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  action: string,
  options: GearControlOptions,
) {
  const message = leftAlone(gear, cartridge, 'starting', options);
  if (message !== undefined) return message;
  if (isPrimary(gear, cartridge)) {
    if (options.userInitiated !== false) clearStopLock(gear);
    writeState(node, gear, 'started');
  }
  return controlCartridge(node, gear, cartridge, action, options);
}

async function stopOne(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  options: GearControlOptions,
): Promise<string> {
  const message = leftAlone(gear, cartridge, 'stopping', options);
  if (message !== undefined) return message;
  if (isPrimary(gear, cartridge)) {
    if (options.userInitiated !== false) setStopLock(node, gear);
    writeState(node, gear, 'stopped');
  }
  return controlCartridge(node, gear, cartridge, 'stop', options);
}

/** `start`, `stop` or `restart` of one cartridge. */
export function actOnCartridge(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  action: 'start' | 'stop' | 'restart',
  options: GearControlOptions = {},
): Promise<string> {
  return withActionHooks(node, gear, action, options, () =>
    action === 'stop'
      ? stopOne(node, gear, cartridge, options)
      : startOne(node, gear, cartridge, action, options),
  );
}

/** The same for every cartridge of the gear, in an order in which nothing is missed. */
export function actOnGear(
  node: Node,
  gear: Gear,
  action: 'start' | 'stop' | 'restart',
  options: GearControlOptions = {},
): Promise<string> {
  return withActionHooks(node, gear, action, options, async () => {
    if (action === 'stop') return stopEach(node, gear, options);
    let output = '';
    for (const cartridge of startOrder(gear))
      output += await startOne(node, gear, cartridge, action, options);
    return output;
  });
}

/** One that does not stop is no reason to end the others without their own stop: its failure is told at the end. */
async function stopEach(node: Node, gear: Gear, options: GearControlOptions): Promise<string> {
  let output = '';
  let failed: HookFailure | undefined;
  for (const cartridge of stopOrder(gear)) {
    try {
      output += await stopOne(node, gear, cartridge, options);
    } catch (error) {
      const failure = failedHook(error);
      if (failure === undefined) throw error;
      output += failure.output;
      failed ??= failure;
    }
  }
  if (failed === undefined) return output;
  const { exitCode, step = 'stop' } = failed;
  throw new HookFailure(failed.message, { exitCode, gear: gear.uuid, step, output });
}

/** `reload`; a gear that is not started gets `force-reload`. */
export function reloadCartridge(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  options: ControlOptions = {},
): Promise<string> {
  const action = readState(gear) === 'started' ? 'reload' : 'force-reload';
  return withActionHooks(node, gear, 'reload', options, () =>
    controlCartridge(node, gear, cartridge, action, options),
  );
}

/** What the gear may have of the disk, where the disk counts it; only root may ask for that. */
function quotaAttributes(node: Node, gear: Gear): string {
  const quota = process.getuid?.() === 0 ? quotaOf(node, gear.uid) : undefined;
  if (quota === undefined) return '';
  return `ATTR: quota_blocks=${quota.blocks.hard}\nATTR: quota_files=${quota.inodes.hard}\n`;
}

/** The attribute line of a stopped or idle gear, then what the cartridge says; a failing status is text, no failure. */
export async function statusOf(node: Node, gear: Gear, cartridge: Cartridge): Promise<string> {
  const attribute = statusAttribute(gear);
  let output = (attribute === undefined ? '' : `${attribute}\n`) + quotaAttributes(node, gear);
  try {
    const said = await controlCartridge(node, gear, cartridge, 'status', { actionHooks: false, merge: true });
    output += said.replace(/^(?!CLIENT_)(.+)$/gm, 'CLIENT_RESULT: $1');
  } catch (error) {
    const failure = failedHook(error);
    if (failure === undefined) throw error;
    output += failure.output
      .replace(/^CLIENT_ERROR: Failed to execute.*\n/m, '')
      .replace(/^CLIENT_\w+: /gm, 'CLIENT_RESULT: ');
  }
  return output;
}
