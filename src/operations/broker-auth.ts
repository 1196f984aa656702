/**
 * The two files with which a gear speaks to the broker, written and removed together. Invariant: an iv never
 * stands beside another request's token; a dead process's half is completed (it is journaled, and recovered
 * forward).
 */
import { checkBrokerAuth, removeBrokerAuth, writeBrokerAuth, type BrokerAuth } from '../gear/broker-auth.js';
import { openGear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import type { OperationDefinition } from '../journal/operation.js';
import type { Node } from '../node/node.js';
import { onGear, registerOperation } from './journal.js';
import { silent, type OperationResult } from './result.js';

interface AuthInput extends BrokerAuth {
  readonly uuid: string;
}

function addition(node: Node): OperationDefinition<AuthInput, AuthInput> {
  return {
    name: 'broker-auth-add',
    recover: 'forward',
    open: (input) => input,
    steps: [{ name: 'files', run: (input) => writeBrokerAuth(node, openGear(node, input.uuid), input) }],
  };
}

function removal(node: Node): OperationDefinition<{ readonly uuid: string }, { readonly uuid: string }> {
  return {
    name: 'broker-auth-remove',
    recover: 'forward',
    open: (input) => input,
    steps: [{ name: 'files', run: ({ uuid }) => removeBrokerAuth(openGear(node, uuid)) }],
  };
}

registerOperation('broker-auth-add', addition);
registerOperation('broker-auth-remove', removal);

export async function addBrokerAuth(node: Node, input: AuthInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  checkBrokerAuth(input);
  return onGear(node, uuid, async (journal) => {
    openGear(node, uuid);
    await journal.run(addition(node), uuid, { uuid, iv: input.iv, token: input.token });
    return silent;
  });
}

export async function dropBrokerAuth(node: Node, input: { readonly uuid: string }): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async (journal) => {
    openGear(node, uuid);
    await journal.run(removal(node), uuid, { uuid });
    return silent;
  });
}
