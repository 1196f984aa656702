/**
 * A node in a disposable host with the probe cartridge (which shows what its hooks see and fails when told to), the
 * project's own cartridges, one of the old layout, and one empty gear.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { aliasCartridge, installCartridge } from '../../src/cartridge/repository.js';
import { openGear, type Gear } from '../../src/gear/gear.js';
import type { Node } from '../../src/node/node.js';
import { runCartridgeAction } from '../../src/operations/cartridge-action.js';
import { createGear } from '../../src/operations/create.js';
import type { OperationResult } from '../../src/operations/result.js';
import { hostNode } from '../operations/host-node.js';

export const repository = fileURLToPath(new URL('../../../', import.meta.url));
export const fixtures = `${repository}test/cartridge/fixtures`;
export const uuid = 'cc9beb39785a45b9b97bdc6951fc8dbf';

export async function cartridgeNode(): Promise<Node> {
  const node = await hostNode();
  const libexec = node.config.libexecDir;
  mkdirSync(`${libexec}/cartridges`, { recursive: true, mode: 0o755 });
  cpSync(`${repository}cartridges/sdk`, `${libexec}/cartridges/sdk`, { recursive: true });
  cpSync(`${fixtures}/old/oldie-1.0`, `${libexec}/cartridges/embedded/oldie-1.0`, { recursive: true });
  writeFileSync(node.paths.routesMap, '', { mode: 0o640 });
  mkdirSync(node.paths.cartridgeRepository, { mode: 0o755 });
  for (const name of ['php', 'mysql']) await installCartridge(node, `${repository}cartridges/${name}`);
  await installCartridge(node, `${fixtures}/probe`);
  await aliasCartridge(node, 'php-5.3=php-8.2');
  await aliasCartridge(node, 'mysql-5.1=mysql-10.11');
  return node;
}

export async function emptyGear(node: Node): Promise<Gear> {
  await createGear(node, { uuid, appName: 'phpapp', namespace: 'demo' });
  return openGear(node, uuid);
}

export function act(
  node: Node,
  cartridge: string,
  action: string,
  rest: readonly string[] = [],
): Promise<OperationResult> {
  return runCartridgeAction(node, { uuid, cartridge, action, rest });
}
