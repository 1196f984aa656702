/**
 * Environment variables of a gear, set and removed by the broker. One file for each variable, replaced whole:
 * it is its own journal. Invariant: what the platform itself wrote about the gear's identity cannot be
 * changed from here.
 */
import { removeVariable, setVariable } from '../gear/environment.js';
import { openGear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import { removePublishedVariable } from '../gear/published.js';
import { parseVariableName, parseVariableValue, requireUnprotected } from '../gear/variable.js';
import type { Node } from '../node/node.js';
import { onGear } from './journal.js';
import { silent, type OperationResult } from './result.js';

export async function addVariable(
  node: Node,
  input: { readonly uuid: string; readonly name: string; readonly value: string },
): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  const name = parseVariableName(input.name);
  parseVariableValue(input.value);
  requireUnprotected(name);
  return onGear(node, uuid, async () => {
    setVariable(node, openGear(node, uuid), name, input.value);
    node.log.info('variable set', { gear: uuid, name });
    return silent;
  });
}

/** Removes a variable, also one that a database published; an absent one is fine. */
export async function dropVariable(
  node: Node,
  input: { readonly uuid: string; readonly name: string },
): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  const name = parseVariableName(input.name);
  requireUnprotected(name);
  return onGear(node, uuid, async () => {
    const gear = openGear(node, uuid);
    removeVariable(gear, name);
    removePublishedVariable(gear, name);
    node.log.info('variable removed', { gear: uuid, name });
    return silent;
  });
}
