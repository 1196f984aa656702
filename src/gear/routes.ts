/**
 * A gear's names at the front door. Beside the map, which knows no gears, each gear has a file of the names it holds
 * (`.routes/<uuid>`), so that a destroy removes them without looking at anyone else's. Invariant: a name that leads to
 * a gear stands in that gear's file; the file is written before the map on the way in and after it on the way out, so
 * that whatever a crash leaves, doing either again ends right. A name another gear holds is never taken or removed.
 */
import { isIP } from 'node:net';
import type { MapOutcome } from '../host/haproxy.js';
import { Directory } from '../native/beneath.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import type { Gear } from './gear.js';

type RouteNode = Pick<Node, 'routes' | 'paths'>;
type RouteGear = Pick<Gear, 'uuid'>;

/** A host name as the map knows it: lower case, no trailing dot. */
export function routeName(host: string): string {
  const name = host.toLowerCase().replace(/\.$/, '');
  const wrong =
    name === '' || name.length > 253
      ? 'is 1 to 253 characters long'
      : !/^[a-z0-9.-]+$/.test(name) ||
          name.split('.').some((label) => !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
        ? 'has only letters, digits, dots and inner dashes'
        : isIP(name) !== 0
          ? 'is not an IP address'
          : undefined;
  if (wrong === undefined) return name;
  throw new OoError(`A host name ${wrong}: ${JSON.stringify(host.slice(0, 64))}. No route was made.`, {
    code: 'ERR_BAD_ROUTE',
    exitCode: 129,
  });
}

/** The names a gear holds, in the order they came. */
export function gearRoutes(node: RouteNode, gear: RouteGear): readonly string[] {
  using directory = Directory.open(node.paths.routes);
  return held(directory, gear);
}

/** Lead each name to `address:port`, in place of where it led for this gear before. */
export async function connectRoutes(
  node: RouteNode,
  gear: RouteGear,
  hosts: readonly string[],
  target: string,
): Promise<MapOutcome> {
  const names = [...new Set(hosts.map(routeName))];
  if (!/^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$/.test(target)) {
    throw new OoError(`A route leads to address:port, not ${JSON.stringify(target)}. No route was made.`, {
      code: 'ERR_BAD_ROUTE',
      exitCode: 129,
      gear: gear.uuid,
    });
  }
  using directory = Directory.open(node.paths.routes);
  const claim = (): void => {
    const before = held(directory, gear);
    const fresh = names.filter((name) => !before.includes(name));
    const taken = fresh.find((name) => node.routes.get(name) !== undefined);
    if (taken !== undefined) {
      throw new OoError(
        `${taken} already leads to another gear. No route was made; disconnect it there first.`,
        { code: 'ERR_ROUTE_TAKEN', exitCode: 129, gear: gear.uuid },
      );
    }
    if (fresh.length > 0) hold(directory, gear, [...before, ...fresh]);
  };
  return await node.routes.edit(new Map(names.map((name) => [name, target])), claim);
}

export function connectRoute(
  node: RouteNode,
  gear: RouteGear,
  host: string,
  target: string,
): Promise<MapOutcome> {
  return connectRoutes(node, gear, [host], target);
}

/** Take names of this gear away; names it does not hold are left alone. */
export async function disconnectRoutes(
  node: RouteNode,
  gear: RouteGear,
  hosts: readonly string[],
): Promise<void> {
  using directory = Directory.open(node.paths.routes);
  const before = held(directory, gear);
  const names = hosts.map(routeName).filter((name) => before.includes(name));
  if (names.length === 0) return;
  await node.routes.edit(new Map(names.map((name) => [name, undefined])));
  hold(
    directory,
    gear,
    before.filter((name) => !names.includes(name)),
  );
}

export function disconnectRoute(node: RouteNode, gear: RouteGear, host: string): Promise<void> {
  return disconnectRoutes(node, gear, [host]);
}

/** Take everything away that leads to a gear; all it needs is the uuid, so it serves for a half removed one too. */
export function disconnectAll(node: RouteNode, gear: RouteGear): Promise<void> {
  return disconnectRoutes(node, gear, gearRoutes(node, gear));
}

function held(directory: Directory, gear: RouteGear): string[] {
  return (directory.tryReadText(gear.uuid) ?? '').split('\n').filter((line) => line !== '');
}

function hold(directory: Directory, gear: RouteGear, names: readonly string[]): void {
  if (names.length === 0) directory.unlink(gear.uuid, { missing: true });
  else directory.write(gear.uuid, names.map((name) => `${name}\n`).join(''), { mode: 0o640 });
}
