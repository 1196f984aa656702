/**
 * Removes a cartridge from a gear: stopped, torn down by its own script (whose lines are the output), then route,
 * variables, repository and directory. Invariant: every step may run again, so that a deconfigure that was cut short
 * ends as done; a script that fails is told to the client and stops nothing.
 */
import { Directory } from '../native/beneath.js';
import { OoError } from '../native/error.js';
import { openGear, type Gear } from '../gear/gear.js';
import { primaryDirectory, readEnvironment } from '../gear/environment.js';
import { defaultApplicationKey } from '../gear/creation-environment.js';
import { parseGearUuid } from '../gear/identity.js';
import { concealPorts } from '../gear/ports.js';
import { removePublishers } from '../gear/published.js';
import { disconnectRoutes } from '../gear/routes.js';
import { clearStopLock, writeState } from '../gear/state.js';
import { endpointVariables } from '../cartridge/endpoints.js';
import { applyVariables } from '../cartridge/install-in-gear.js';
import {
  findCartridge,
  isDeployable,
  isWebProxy,
  listCartridges,
  type Cartridge,
} from '../cartridge/installed.js';
import { killProcessesOf, removeEmptyLaunches } from '../cartridge/services.js';
import { stopForGood, teardownCartridge } from '../cartridge/teardown.js';
import { removeRepository } from '../deploy/repository.js';
import type { OperationDefinition } from '../journal/operation.js';
import type { Node } from '../node/node.js';
import { removeLogs } from './configure-undo.js';
import { giveNamesBack, namesOfProxy, type FrontNames } from './front-name.js';
import { onGear, registerOperation } from './journal.js';
import { succeeded, type OperationResult } from './result.js';

export interface DeconfigureInput {
  readonly uuid: string;
  readonly cartridge: string;
}

interface Removal {
  readonly uuid: string;
  readonly directory: string;
  readonly primary: boolean;
  readonly repository: boolean;
  /** Variables of the gear that go. */
  readonly variables: readonly string[];
  /** No cartridge is left that other gears' cartridges could publish to. */
  readonly unsubscribes: boolean;
  /** And those that are from now on what they were before this cartridge. */
  readonly restored: Readonly<Record<string, string>>;
  /** Names that this cartridge, a web proxy, has answered for. */
  readonly front: FrontNames;
}

interface Context {
  readonly removal: Removal;
  readonly gear: Gear;
  readonly lines: string[];
}

async function takeOut(node: Node, { removal, gear, lines }: Context): Promise<void> {
  const cartridge = findCartridge(gear, removal.directory);
  if (cartridge === undefined) return;
  lines.push(await stopForGood(node, gear, cartridge));
  try {
    lines.push(await teardownCartridge(node, gear, cartridge));
  } catch (error) {
    node.log.error('cartridge teardown failed', { gear: gear.uuid, cartridge: removal.directory, error });
    lines.push(`CLIENT_ERROR: Cartridge ${cartridge.name}-${cartridge.version} could not be torn down.\n`);
  }
}

function definition(node: Node): OperationDefinition<Removal, Context> {
  return {
    name: 'deconfigure',
    recover: 'forward',
    open: (removal) => ({ removal, gear: openGear(node, removal.uuid), lines: [] }),
    steps: [
      // Before a proxy stops: the application beside it goes on answering.
      { name: 'front', run: ({ removal, gear }) => giveNamesBack(node, gear, removal.front) },
      // Whoever comes in by a public port is refused at once, not by a server that is half gone.
      { name: 'ports', run: ({ removal, gear }) => concealPorts(node, gear, removal.variables) },
      { name: 'teardown', run: (context) => takeOut(node, context) },
      {
        name: 'processes',
        async run({ removal, gear }) {
          await killProcessesOf(node, gear, removal.directory);
          await removeEmptyLaunches(node, gear);
        },
      },
      {
        name: 'route',
        async run({ removal, gear }) {
          if (removal.primary) await disconnectRoutes(node, gear, [gear.dns]);
        },
      },
      {
        name: 'repository',
        async run({ removal, gear }) {
          if (!removal.repository) return;
          await removeRepository(node, gear);
        },
      },
      {
        name: 'directory',
        async run({ removal, gear }) {
          using home = Directory.open(gear.home);
          await home.removeTree(removal.directory);
          await removeLogs(home, removal.directory, []);
        },
      },
      {
        name: 'variables',
        run: ({ removal, gear }) =>
          applyVariables(node, gear, {
            ...Object.fromEntries(removal.variables.map((name) => [name, null])),
            ...removal.restored,
          }),
      },
      {
        name: 'published',
        async run({ removal, gear }) {
          if (removal.unsubscribes) await removePublishers(gear);
        },
      },
      {
        name: 'state',
        run({ removal, gear }) {
          if (!removal.primary) return;
          clearStopLock(gear);
          writeState(node, gear, 'new');
        },
      },
    ],
  };
}

registerOperation('deconfigure', definition);

export async function deconfigureCartridge(node: Node, input: DeconfigureInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async (journal) => {
    const gear = openGear(node, uuid);
    const cartridge = findCartridge(gear, input.cartridge);
    if (cartridge === undefined) {
      throw new OoError(
        `Gear ${uuid} has no cartridge ${JSON.stringify(input.cartridge.slice(0, 80))}. Nothing was done.`,
        { code: 'ERR_CARTRIDGE_ABSENT', exitCode: 1, gear: uuid },
      );
    }
    const { directory, manifest } = cartridge;
    const otherDeployable = (each: Cartridge): boolean =>
      each.directory !== directory && isDeployable(each.manifest);
    const primary = primaryDirectory(readEnvironment(gear)) === directory;
    const removal: Removal = {
      uuid,
      directory,
      primary,
      // As a configure makes it: for the first cartridge that code can be deployed to.
      repository: isDeployable(manifest) && !listCartridges(gear).some(otherDeployable),
      unsubscribes: !listCartridges(gear).some(
        (each) => each.directory !== directory && Object.keys(each.manifest.subscribes).length > 0,
      ),
      variables: [...endpointVariables(manifest), ...(primary ? ['OPENSHIFT_PRIMARY_CARTRIDGE_DIR'] : [])],
      restored: isWebProxy(manifest) ? defaultApplicationKey(gear.home) : {},
      front: namesOfProxy(node, gear, directory),
    };
    const { lines } = await journal.run(definition(node), uuid, removal);
    node.log.info('cartridge removed', { gear: uuid, cartridge: input.cartridge });
    return succeeded(lines.join(''));
  });
}
