/**
 * Who answers for a gear's names at the front door: its first cartridge, or the web proxy (category `web_proxy`) that
 * was added to it, which spreads the requests over all gears of the application. Invariant: the names lead to the proxy
 * only while it runs or may be started; when it goes, or was never whole, they lead where they led before.
 */
import { readEnvironment } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import { connectRoute, gearRoutes } from '../gear/routes.js';
import { frontTarget } from '../cartridge/endpoints.js';
import { isWebProxy, openCartridge, primaryCartridge } from '../cartridge/installed.js';
import type { Node } from '../node/node.js';

/** Names, each with the `address:port` it leads to. */
export type FrontNames = Readonly<Record<string, string>>;

/** The names that a proxy in this gear takes over: those that lead to the first cartridge's own server. */
export function namesOfPrimary(node: Node, gear: Gear): FrontNames {
  const primary = primaryCartridge(gear);
  const target = primary === undefined ? undefined : frontTarget(primary.manifest, readEnvironment(gear));
  if (target === undefined) return {};
  const names = gearRoutes(node, gear).filter((name) => node.routes.get(name) === target);
  return Object.fromEntries(names.map((name) => [name, target]));
}

/** Leads the names to the proxy in `directory`. */
export async function takeNamesOver(
  node: Node,
  gear: Gear,
  directory: string,
  names: FrontNames,
): Promise<void> {
  const target = frontTarget(openCartridge(gear, directory).manifest, readEnvironment(gear));
  if (target === undefined) return;
  for (const name of Object.keys(names)) await connectRoute(node, gear, name, target);
}

/** Leads the names where they led before a proxy took them. */
export async function giveNamesBack(node: Node, gear: Gear, names: FrontNames): Promise<void> {
  for (const [name, target] of Object.entries(names)) await connectRoute(node, gear, name, target);
}

/** The names that lead to the proxy in `directory`, with where they lead without it. */
export function namesOfProxy(node: Node, gear: Gear, directory: string): FrontNames {
  const primary = primaryCartridge(gear);
  if (primary === undefined || primary.directory === directory) return {};
  const { manifest } = openCartridge(gear, directory);
  if (!isWebProxy(manifest)) return {};
  const environment = readEnvironment(gear);
  const [own, target] = [frontTarget(manifest, environment), frontTarget(primary.manifest, environment)];
  if (own === undefined || target === undefined) return {};
  const names = gearRoutes(node, gear).filter((name) => node.routes.get(name) === own);
  return Object.fromEntries(names.map((name) => [name, target]));
}
