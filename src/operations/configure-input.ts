/**
 * What a configure is about to do and what stood before it, as plain data for the journal: enough to undo it in another
 * process. Invariant: nothing of the host has changed when this is made.
 */
import { errnoOf, OoError } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import { readEnvironment } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import { gearRoutes } from '../gear/routes.js';
import { allocateEndpoints } from '../cartridge/endpoints.js';
import { publicEndpoints } from '../cartridge/public-endpoints.js';
import { cartridgeVariables } from '../cartridge/install-in-gear.js';
import { isDeployable, isWebProxy, listCartridges } from '../cartridge/installed.js';
import { missingLocked } from '../cartridge/lock.js';
import { parseManagedFiles } from '../cartridge/managed-files.js';
import type { Manifest } from '../cartridge/manifest.js';
import { openRepository, selectCartridge, type Selection } from '../cartridge/repository.js';
import { launchGroups } from '../cartridge/services.js';
import type { Node } from '../node/node.js';
import { namesOfPrimary, type FrontNames } from './front-name.js';
import { planPorts, type PortPlan } from './port-plan.js';

export interface ConfigureInput {
  readonly uuid: string;
  /** As it was asked for: `php-5.3`, `embedded/mysql-5.1`. */
  readonly cartridge: string;
  readonly templateUrl?: string | undefined;
}

/** A small file as it stood, or null. */
export interface Saved {
  readonly text: string;
  readonly mode: number;
}

export interface Configuration {
  readonly uuid: string;
  readonly asked: string;
  readonly directory: string;
  readonly templateUrl: string | null;
  /** The gear's first cartridge. */
  readonly first: boolean;
  /** Makes the git repository. */
  readonly repository: boolean;
  /** Variables of the gear to set or (null) remove, and as they were. */
  readonly variables: Readonly<Record<string, string | null>>;
  readonly previous: Readonly<Record<string, string | null>>;
  /** Public ports that come with it. */
  readonly ports: PortPlan;
  /** Names that a web proxy takes over, with where they lead before. */
  readonly front: FrontNames;
  readonly before: {
    readonly home: readonly string[];
    readonly logs: readonly string[];
    readonly groups: readonly string[];
    readonly routes: readonly string[];
    /** Locked files outside of the cartridge that were not there. */
    readonly locked: readonly string[];
    readonly state: Saved | null;
    readonly stopLock: Saved | null;
  };
}

export const STATE_FILE = 'app-root/runtime/.state';
export const STOP_LOCK_FILE = 'app-root/runtime/.stop_lock';

function saved(home: Directory, path: string): Saved | null {
  try {
    const text = home.tryReadText(path, 4096);
    return text === undefined ? null : { text, mode: home.stat(path).mode & 0o7777 };
  } catch (error) {
    if (['ELOOP', 'EINVAL', 'ENXIO', 'EFBIG', 'EXDEV', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return null;
    throw error;
  }
}

function names(home: Directory, path: string): readonly string[] {
  try {
    return home.list(path).map((entry) => entry.name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function requireAbsent(gear: Gear, home: Directory, selection: Selection): void {
  const { directory, name, version } = selection.knownAs;
  const same = listCartridges(gear).find(
    (cartridge) =>
      cartridge.directory === directory || cartridge.manifest.shortName === selection.manifest.shortName,
  );
  if (same === undefined && !home.exists(directory)) return;
  const there =
    same === undefined ? `${gear.home}/${directory}` : `${same.name}-${same.version} (${same.path})`;
  throw new OoError(
    `The cartridge ${name}-${version} cannot be added to gear ${gear.uuid}: ${there} is already there. Nothing was done.`,
    { code: 'ERR_CARTRIDGE_EXISTS', exitCode: 132, gear: gear.uuid },
  );
}

/**
 * In a gear of its own a cartridge that serves the rest of its application is reached from elsewhere from the start; the
 * ports of what serves pages are asked for by the broker.
 */
function isReachedFromElsewhere(gear: Gear, { categories }: Manifest): boolean {
  return (
    gear.name !== gear.appName && !categories.includes('web_framework') && !categories.includes('web_proxy')
  );
}

/** Checks the request and writes down what it will change. */
export async function planConfigure(node: Node, gear: Gear, input: ConfigureInput): Promise<Configuration> {
  const selection = selectCartridge(node, input.cartridge);
  const { manifest, knownAs } = selection;
  using home = Directory.open(gear.home);
  requireAbsent(gear, home, selection);
  const first = listCartridges(gear).length === 0;
  const allocated = await allocateEndpoints(node, gear, manifest);
  const variables: Record<string, string | null> = {
    ...cartridgeVariables(gear, selection, first),
    ...allocated,
  };
  const environment = readEnvironment(gear);
  const endpoints = isReachedFromElsewhere(gear, manifest)
    ? publicEndpoints(gear, manifest, { ...environment, ...allocated })
    : [];
  const previous = Object.fromEntries(
    Object.keys(variables).map((name) => [name, environment[name] ?? null]),
  );
  using repository = openRepository(node);
  const managed = parseManagedFiles(
    repository.tryReadText(`${selection.path}/metadata/managed_files.yml`),
    knownAs.directory,
    manifest.shortName,
  );
  const outside = managed.locked_files.filter((path) => !path.startsWith(`${knownAs.directory}/`));
  return {
    uuid: gear.uuid,
    asked: input.cartridge,
    directory: knownAs.directory,
    templateUrl: input.templateUrl ?? null,
    first,
    repository: isDeployable(manifest) && !home.exists(`git/${gear.appName}.git/HEAD`),
    variables,
    previous,
    front: isWebProxy(manifest) ? namesOfPrimary(node, gear) : {},
    ports: planPorts(node, gear, endpoints),
    before: {
      home: names(home, '.'),
      logs: names(home, 'app-root/logs'),
      groups: launchGroups(node, gear),
      routes: gearRoutes(node, gear),
      locked: missingLocked(home, outside),
      state: saved(home, STATE_FILE),
      stopLock: saved(home, STOP_LOCK_FILE),
    },
  };
}
