/**
 * Variables that another gear published, put into a gear's environment or taken out of it: all of them, then the primary
 * cartridge is reloaded, so that an application that runs sees it. Journaled and recovered forward: a dead process's
 * half is completed. Invariant: what the gear's own cartridges say of themselves stays theirs; what changes nothing does
 * nothing.
 */
import type { Variables } from '../gear/environment.js';
import { openGear, type Gear } from '../gear/gear.js';
import {
  parsePublication,
  parsePublisher,
  readPublished,
  removePublisher,
  writePublished,
} from '../gear/published.js';
import { readState } from '../gear/state.js';
import { reloadCartridge } from '../cartridge/gear-control.js';
import { failedHook, type HookFailure } from '../cartridge/hook-failure.js';
import { listCartridges, primaryCartridge } from '../cartridge/installed.js';
import type { Journal } from '../journal/journal.js';
import type { OperationDefinition } from '../journal/operation.js';
import type { Node } from '../node/node.js';
import { registerOperation } from './journal.js';

interface Publication {
  readonly uuid: string;
  readonly publisher: string;
  /** null: all that the publisher has said is taken back. */
  readonly variables: Variables | null;
}

interface Context {
  readonly publication: Publication;
  readonly gear: Gear;
  failure: HookFailure | undefined;
}

/** A script that fails is told, and leaves nothing to do again: the variables are there. */
async function reload(node: Node, context: Context): Promise<void> {
  const { gear } = context;
  const primary = readState(gear) === 'started' ? primaryCartridge(gear) : undefined;
  if (primary === undefined) return;
  try {
    await reloadCartridge(node, gear, primary);
  } catch (error) {
    context.failure = failedHook(error);
    if (context.failure === undefined) throw error;
  }
}

function definition(node: Node): OperationDefinition<Publication, Context> {
  return {
    name: 'publish-variables',
    recover: 'forward',
    open: (publication) => ({ publication, gear: openGear(node, publication.uuid), failure: undefined }),
    steps: [
      {
        name: 'variables',
        async run({ gear, publication: { publisher, variables } }) {
          if (variables === null) await removePublisher(gear, publisher);
          else writePublished(node, gear, publisher, variables);
        },
      },
      { name: 'reload', run: (context) => reload(node, context) },
    ],
  };
}

registerOperation('publish-variables', definition);

/** What belongs to a cartridge that this gear has itself. */
function ofOwnCartridges(gear: Gear): (name: string) => boolean {
  const prefixes = listCartridges(gear).map(({ manifest }) => `OPENSHIFT_${manifest.shortName}_`);
  return (name) => prefixes.some((prefix) => name.startsWith(prefix));
}

/** Throws the `HookFailure` of a reload that failed, with the variables in place. The caller holds the gear's lock. */
export async function publishVariables(
  node: Node,
  journal: Journal,
  gear: Gear,
  given: { readonly publisher: string; readonly variables: Readonly<Variables> },
): Promise<void> {
  const publisher = parsePublisher(given.publisher);
  const own = ofOwnCartridges(gear);
  const checked = Object.entries(parsePublication(node, given.variables));
  const known = readPublished(gear, publisher);
  const fresh = checked.filter(([name, value]) => !own(name) && known[name] !== value);
  const ignored = checked.filter(([name]) => own(name)).map(([name]) => name);
  if (ignored.length > 0)
    node.log.info('published variables of own cartridges', { gear: gear.uuid, ignored });
  if (fresh.length === 0) return;
  node.log.info('variables published', { gear: gear.uuid, publisher, names: fresh.map(([name]) => name) });
  await carryOut(node, journal, { uuid: gear.uuid, publisher, variables: Object.fromEntries(fresh) });
}

/** Takes back what a publisher has said to the gear. As `publishVariables` otherwise. */
export async function withdrawVariables(
  node: Node,
  journal: Journal,
  gear: Gear,
  publisher: string,
): Promise<void> {
  if (Object.keys(readPublished(gear, publisher)).length === 0) return;
  node.log.info('variables withdrawn', { gear: gear.uuid, publisher });
  await carryOut(node, journal, { uuid: gear.uuid, publisher, variables: null });
}

async function carryOut(node: Node, journal: Journal, publication: Publication): Promise<void> {
  const { failure } = await journal.run(definition(node), publication.uuid, publication);
  if (failure !== undefined) throw failure;
}
