/**
 * A connection hook of a cartridge in a gear. Not journaled: the hook changes the gear's own files, if anything.
 * Invariant: a hook that fails is a result with its exit code and words.
 */
import { runConnector } from '../cartridge/connectors.js';
import { failedHook } from '../cartridge/hook-failure.js';
import { openCartridge } from '../cartridge/installed.js';
import { openGear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import type { Node } from '../node/node.js';
import { onGear } from './journal.js';
import { succeeded, type OperationResult } from './result.js';

export interface ConnectorInput {
  readonly uuid: string;
  /** As it is known in the gear, or as it was asked for. */
  readonly cartridge: string;
  readonly hook: string;
  readonly args: readonly string[];
}

export async function executeConnector(node: Node, input: ConnectorInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async () => {
    const gear = openGear(node, uuid);
    const cartridge = openCartridge(gear, input.cartridge);
    try {
      return succeeded(await runConnector(node, gear, cartridge, input.hook, input.args));
    } catch (error) {
      const failure = failedHook(error);
      if (failure === undefined) throw error;
      return { output: failure.output, exitCode: failure.exitCode };
    }
  });
}
