/**
 * Ends every operation that a dead process left behind, on one gear or on all. Invariant: operations of live
 * processes are not touched, because they hold their gear's lock.
 */
import { endHooks } from '../cartridge/services.js';
import { tryGearLock, withGearLock } from '../gear/lock.js';
import { parseGearUuid } from '../gear/identity.js';
import type { Recovered } from '../journal/operation.js';
import type { Node } from '../node/node.js';
import './all.js';
import { logRecovered, nodeJournal, recoverGear } from './journal.js';

export async function recover(
  node: Node,
  options: { readonly uuid?: string } = {},
): Promise<readonly Recovered[]> {
  const journal = nodeJournal(node);
  const recovered =
    options.uuid === undefined
      ? await journal.recover({
          exclusively: (gear, work) => tryGearLock(node, gear, () => alone(node, gear, work)),
        })
      : await recoverOne(node, options.uuid);
  logRecovered(node, recovered);
  if (options.uuid === undefined) await recoverFrontDoor(node);
  return recovered;
}

/** Nothing that the dead process had started in the gear works against the recovery. */
async function alone<T>(node: Node, uuid: string, work: () => Promise<T>): Promise<T> {
  await endHooks(node, { uuid });
  return work();
}

async function recoverOne(node: Node, name: string): Promise<readonly Recovered[]> {
  const gear = parseGearUuid(name);
  return withGearLock(node, gear, () => recoverGear(node, gear));
}

/** HAProxy's memory may lack what was written while it started or reloaded: the file is right. */
async function recoverFrontDoor(node: Node): Promise<void> {
  const { mended } = await node.routes.reconcile();
  if (mended.length > 0) node.log.warn('front door mended', { names: mended });
}
