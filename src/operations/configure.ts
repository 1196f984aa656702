/**
 * Adds a cartridge to a gear: its directory, variables and endpoints, its own setup and install with their templates,
 * the git repository of a deployable one, the route, the start, and its last script. Invariant: undone backwards, on a
 * failure and after a crash alike; a gear never keeps half a cartridge.
 */
import { Directory } from '../native/beneath.js';
import { OoError } from '../native/error.js';
import { readEnvironment } from '../gear/environment.js';
import { openGear, type Gear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import { connectRoute } from '../gear/routes.js';
import { readState } from '../gear/state.js';
import { frontTarget } from '../cartridge/endpoints.js';
import { actOnCartridge } from '../cartridge/gear-control.js';
import { failedHook, HookFailure } from '../cartridge/hook-failure.js';
import { runInstallScript } from '../cartridge/hooks.js';
import { applyVariables, placeCartridge } from '../cartridge/install-in-gear.js';
import { isWebProxy, openCartridge, primaryCartridge, type Cartridge } from '../cartridge/installed.js';
import { lock, unlock } from '../cartridge/lock.js';
import { parseManagedFiles, type ManagedFiles } from '../cartridge/managed-files.js';
import { configureExitCode } from '../cartridge/output.js';
import { selectCartridge } from '../cartridge/repository.js';
import { environmentTemplates, renderTemplates } from '../cartridge/templates.js';
import { createRepository } from '../deploy/repository.js';
import type { OperationDefinition } from '../journal/operation.js';
import type { Node } from '../node/node.js';
import { giveNamesBack, takeNamesOver } from './front-name.js';
import { planConfigure, type Configuration, type ConfigureInput } from './configure-input.js';
import {
  endLaunches,
  removeMadeRepository,
  removeNewRoutes,
  removePlaced,
  restoreVariables,
  undoStart,
} from './configure-undo.js';
import { onGear, registerOperation } from './journal.js';
import { exposePlanned, undoExpose } from './port-plan.js';
import { succeeded, type OperationResult } from './result.js';

interface Context {
  readonly plan: Configuration;
  readonly gear: Gear;
  readonly lines: string[];
}

function managedFiles(home: Directory, { directory, manifest }: Cartridge): ManagedFiles {
  return parseManagedFiles(
    home.tryReadText(`${directory}/metadata/managed_files.yml`),
    directory,
    manifest.shortName,
  );
}

function refused(gear: Gear, step: string, message: string): HookFailure {
  return new HookFailure(message, {
    exitCode: 157,
    gear: gear.uuid,
    step,
    output: `CLIENT_ERROR: ${message}\n`,
  });
}

/** A cartridge may add to the gear's environment, and change nothing the gear already says of itself. */
function requireNoOverride(gear: Gear, home: Directory, cartridge: Cartridge): void {
  const own = readEnvironment(gear);
  const taken = home
    .list(`${cartridge.directory}/env`)
    .map(({ name }) => name)
    .filter((name) => name in own && name !== 'PATH' && name !== 'LD_LIBRARY_PATH');
  if (taken.length === 0) return;
  const listed = taken.sort().join(', ');
  throw refused(
    gear,
    'checks',
    `Cartridge attempted to override the following gear environment variables: ${listed}`,
  );
}

function requireNoNewEntries(gear: Gear, home: Directory, plan: Configuration): void {
  const fresh = home
    .list()
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('.') && name !== plan.directory && !plan.before.home.includes(name));
  if (fresh.length === 0) return;
  throw refused(
    gear,
    'checks',
    `Cartridge created the following directories in the gear home directory: ${fresh.sort().join(', ')}`,
  );
}

async function setUp(node: Node, { plan, gear, lines }: Context): Promise<void> {
  const selection = selectCartridge(node, plan.asked);
  const cartridge = openCartridge(gear, plan.directory);
  using home = Directory.open(gear.home);
  const managed = managedFiles(home, cartridge);
  const render = (entries: readonly string[]): void =>
    void lines.push(renderTemplates(node, gear, cartridge, selection.path, entries));
  unlock(home, gear, managed.locked_files);
  try {
    render(environmentTemplates(gear, plan.directory));
    lines.push(await runInstallScript(node, gear, cartridge, 'setup'));
    render(managed.processed_templates);
    lines.push(await runInstallScript(node, gear, cartridge, 'install'));
  } finally {
    lock(home, gear, managed.locked_files);
  }
  requireNoNewEntries(gear, home, plan);
  requireNoOverride(gear, home, cartridge);
}

function template(gear: Gear, directory: string): { readonly template?: string } {
  using home = Directory.open(gear.home);
  const path = [`${directory}/template`, `${directory}/usr/template`].find((each) => {
    try {
      return home.stat(each).type === 'directory';
    } catch {
      return false;
    }
  });
  return path === undefined ? {} : { template: `${gear.home}/${path}` };
}

async function makeRepository(node: Node, { plan, gear, lines }: Context): Promise<void> {
  if (!plan.repository) return;
  const { name } = openCartridge(gear, plan.directory);
  lines.push(
    await createRepository(node, gear, {
      description: `${name} application ${gear.appName}`,
      ...template(gear, plan.directory),
      ...(plan.templateUrl === null ? {} : { url: plan.templateUrl }),
    }),
  );
}

async function connect(node: Node, { plan, gear }: Context): Promise<void> {
  const { manifest } = openCartridge(gear, plan.directory);
  const target = frontTarget(manifest, readEnvironment(gear));
  if (plan.first && target !== undefined) await connectRoute(node, gear, gear.dns, target);
}

async function start(node: Node, { plan, gear, lines }: Context): Promise<void> {
  if (plan.repository && plan.templateUrl === 'empty') {
    lines.push(
      "CLIENT_MESSAGE: An empty Git repository has been created for your application.  Use 'git push' to add your code.\n",
    );
    return;
  }
  const cartridge = openCartridge(gear, plan.directory);
  const primary = plan.first || !isWebProxy(cartridge.manifest) ? undefined : primaryCartridge(gear);
  // A proxy serves what is there, first of all the application beside it; neither if its user has stopped it.
  const options = primary === undefined ? {} : { userInitiated: false };
  if (primary !== undefined && readState(gear) !== 'new')
    lines.push(await actOnCartridge(node, gear, primary, 'start', options));
  lines.push(await actOnCartridge(node, gear, cartridge, 'start', options));
}

function definition(node: Node): OperationDefinition<Configuration, Context> {
  return {
    name: 'configure',
    recover: 'back',
    open: (plan) => ({ plan, gear: openGear(node, plan.uuid), lines: [] }),
    steps: [
      {
        name: 'directory',
        run: ({ plan, gear }) => placeCartridge(node, gear, selectCartridge(node, plan.asked)),
        undo: ({ plan, gear }) => removePlaced(node, gear, plan),
      },
      {
        name: 'variables',
        run: ({ plan, gear }) => applyVariables(node, gear, plan.variables),
        undo: ({ plan, gear }) => restoreVariables(node, gear, plan),
      },
      {
        name: 'ports',
        async run({ plan, gear, lines }) {
          lines.push(await exposePlanned(node, gear, plan.ports));
        },
        undo: ({ plan, gear }) => undoExpose(node, gear, plan.ports),
      },
      {
        name: 'setup',
        run: (context) => setUp(node, context),
        undo: ({ plan, gear }) => endLaunches(node, gear, plan),
      },
      {
        name: 'repository',
        run: (context) => makeRepository(node, context),
        undo: ({ plan, gear }) => removeMadeRepository(node, gear, plan),
      },
      {
        name: 'route',
        run: (context) => connect(node, context),
        undo: ({ plan, gear }) => removeNewRoutes(node, gear, plan),
      },
      {
        name: 'start',
        run: (context) => start(node, context),
        undo: ({ plan, gear }) => undoStart(node, gear, plan),
      },
      {
        // After the start: until the proxy listens, the application answers for itself.
        name: 'front',
        run: ({ plan, gear }) => takeNamesOver(node, gear, plan.directory, plan.front),
        undo: ({ plan, gear }) => giveNamesBack(node, gear, plan.front),
      },
      {
        name: 'post_install',
        async run({ plan, gear, lines }) {
          lines.push(await runInstallScript(node, gear, openCartridge(gear, plan.directory), 'post_install'));
        },
        undo: ({ plan, gear }) => endLaunches(node, gear, plan),
      },
    ],
  };
}

registerOperation('configure', definition);

/** What a hook said when it failed is the reply; anything else that failed stays an error. */
function asResult(error: unknown): OperationResult {
  const failure = failedHook(error);
  if (failure === undefined || !(error instanceof OoError)) throw error;
  const more = error === failure ? '' : `CLIENT_ERROR: ${error.message}\n`;
  return { output: failure.output + more, exitCode: configureExitCode(failure.exitCode) };
}

/** Adds a cartridge; on failure the gear is as it was and the result says why. */
export async function configureCartridge(node: Node, input: ConfigureInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async (journal) => {
    const gear = openGear(node, uuid);
    const plan = await planConfigure(node, gear, input);
    try {
      const { lines } = await journal.run(definition(node), uuid, plan);
      node.log.info('cartridge added', { gear: uuid, cartridge: plan.asked, directory: plan.directory });
      return succeeded(lines.join(''));
    } catch (error) {
      node.log.warn('cartridge not added', { gear: uuid, cartridge: plan.asked, error });
      return asResult(error);
    }
  });
}
