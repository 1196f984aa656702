/**
 * How a gear is: its state word, whether its user has stopped it, and what each of its cartridges says. Holds the
 * gear's lock, because cartridges are asked by their own scripts.
 */
import { statusOf } from '../cartridge/gear-control.js';
import { listCartridges } from '../cartridge/installed.js';
import { openGear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import { readState, readStopLock, type GearState } from '../gear/state.js';
import type { Node } from '../node/node.js';
import { onGear } from './journal.js';

export interface GearStatus {
  readonly uuid: string;
  readonly application: string;
  readonly state: GearState | 'unknown';
  /** Its user has stopped it. */
  readonly locked: boolean;
  readonly cartridges: readonly { readonly name: string; readonly output: string }[];
}

export async function gearStatus(node: Node, input: { readonly uuid: string }): Promise<GearStatus> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async () => {
    const gear = openGear(node, uuid);
    const cartridges: { name: string; output: string }[] = [];
    for (const cartridge of listCartridges(gear)) {
      const output = await statusOf(node, gear, cartridge);
      cartridges.push({ name: cartridge.directory, output: output.replace(/^ATTR: .*\n/gm, '') });
    }
    const locked = readStopLock(gear) !== undefined;
    return { uuid, application: gear.appName, state: readState(gear), locked, cartridges };
  });
}
