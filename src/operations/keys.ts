/**
 * Keys of a gear, added and removed. One file replaced whole is its own journal: it is as before or as after.
 */
import { openGear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import { addKey, removeKey, replaceKeys, type SshKey } from '../gear/keys.js';
import type { Node } from '../node/node.js';
import { onGear } from './journal.js';
import { silent, type OperationResult } from './result.js';

export interface KeyInput {
  readonly uuid: string;
  readonly key: string;
  /** `ssh-rsa` when absent. */
  readonly type?: string | undefined;
  readonly comment?: string | undefined;
}

export async function addAuthorizedKey(node: Node, input: KeyInput): Promise<OperationResult> {
  return onGear(node, parseGearUuid(input.uuid), async () => {
    const gear = openGear(node, input.uuid);
    const type = input.type === undefined || input.type === '' ? 'ssh-rsa' : input.type;
    addKey(node, gear, { type, key: input.key, comment: input.comment ?? '' });
    node.log.info('key added', { gear: gear.uuid, comment: input.comment ?? '' });
    return silent;
  });
}

export async function removeAuthorizedKey(
  node: Node,
  input: { readonly uuid: string; readonly key?: string | undefined; readonly comment?: string | undefined },
): Promise<OperationResult> {
  return onGear(node, parseGearUuid(input.uuid), async () => {
    const gear = openGear(node, input.uuid);
    removeKey(node, gear, {
      ...(input.key === undefined || input.key === '' ? {} : { key: input.key }),
      ...(input.comment === undefined || input.comment === '' ? {} : { comment: input.comment }),
    });
    node.log.info('key removed', { gear: gear.uuid, comment: input.comment ?? '' });
    return silent;
  });
}

export async function replaceAuthorizedKeys(
  node: Node,
  input: { readonly uuid: string; readonly keys: readonly SshKey[] },
): Promise<OperationResult> {
  return onGear(node, parseGearUuid(input.uuid), async () => {
    replaceKeys(node, openGear(node, input.uuid), input.keys);
    return silent;
  });
}
