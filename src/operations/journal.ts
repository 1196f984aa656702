/**
 * The node's journal, and the list of operations that recovery knows. A file of this room registers its
 * operation when it is loaded; `all.ts` loads every one, so that a command recovers what another command left
 * behind. Invariant: an operation on a gear begins with the gear's lock held and with nothing left over from
 * a dead process.
 */
import { endHooks } from '../cartridge/services.js';
import { Journal } from '../journal/journal.js';
import type { OperationDefinition, Recovered } from '../journal/operation.js';
import { withGearLock } from '../gear/lock.js';
import type { GearUuid } from '../gear/identity.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';

type Factory = (node: Node) => (journal: Journal) => void;

const factories = new Map<string, Factory>();
const journals = new WeakMap<Node, Journal>();

/** Makes an operation known to recovery; the definition is built for each node. */
export function registerOperation<I, C extends object>(
  name: string,
  define: (node: Node) => OperationDefinition<I, C>,
): void {
  factories.set(name, (node) => (journal) => journal.register(define(node)));
}

export function nodeJournal(node: Node): Journal {
  let journal = journals.get(node);
  if (journal === undefined) {
    if (process.getuid?.() !== 0) {
      throw new OoError('Only root may change a gear. Nothing was done; run this as root.', {
        code: 'ERR_NOT_ROOT',
        exitCode: 255,
      });
    }
    journal = Journal.open(node.paths.journal);
    journals.set(node, journal);
  }
  for (const factory of factories.values()) factory(node)(journal);
  return journal;
}

export function logRecovered(node: Node, recovered: readonly Recovered[]): void {
  for (const { gear, operation, outcome, error } of recovered) {
    if (error === undefined) node.log.info('recovered', { gear, operation, outcome });
    else node.log.error('not recovered', { gear, operation, outcome, error });
  }
}

/** Ends what a dead process left of one gear, its hooks first. The caller holds the gear's lock. */
export async function recoverGear(node: Node, uuid: string): Promise<readonly Recovered[]> {
  const journal = nodeJournal(node);
  if (journal.pending(uuid).length === 0) return [];
  await endHooks(node, { uuid });
  return journal.recover({ gear: uuid });
}

export interface OnGearOptions {
  /** Goes on although something of a dead process could not be ended: for a destroy, which ends it all. */
  readonly whateverIsLeft?: boolean;
}

/** Takes the gear's lock, ends what a dead process left of it, and runs `work`. */
export async function onGear<T>(
  node: Node,
  uuid: GearUuid,
  work: (journal: Journal) => Promise<T>,
  options: OnGearOptions = {},
): Promise<T> {
  const journal = nodeJournal(node);
  return withGearLock(node, uuid, async () => {
    const recovered = await recoverGear(node, uuid);
    logRecovered(node, recovered);
    const kept = recovered.find(({ outcome }) => outcome === 'kept');
    if (kept?.error !== undefined && options.whateverIsLeft !== true) throw kept.error;
    return work(journal);
  });
}
