/**
 * Takes cartridges out of a gear: stopped, then their own `bin/teardown`, whose lines are for the broker. Invariant: a
 * teardown that fails never keeps a gear alive; its failure is a line of the reply.
 */
import { Directory } from '../native/beneath.js';
import type { Gear } from '../gear/gear.js';
import type { Node } from '../node/node.js';
import { controlCartridge } from './control.js';
import { failedHook } from './hook-failure.js';
import { hasScript, runScript } from './hooks.js';
import { listCartridges, type Cartridge } from './installed.js';
import { lock, unlock } from './lock.js';
import { parseManagedFiles } from './managed-files.js';
import { checkedOutput, failureOutput } from './output.js';

/** A gear that is going away does not wait an hour for a script of its own. */
const DEADLINE = 60_000;

function lockedFiles(home: Directory, cartridge: Cartridge): readonly string[] {
  const source = home.tryReadText(`${cartridge.directory}/metadata/managed_files.yml`);
  return parseManagedFiles(source, cartridge.directory, cartridge.manifest.shortName).locked_files;
}

/** Stops one cartridge; what goes wrong is told to the client and logged, and no reason to go on without the rest. */
export async function stopForGood(node: Node, gear: Gear, cartridge: Cartridge): Promise<string> {
  try {
    await controlCartridge(node, gear, cartridge, 'stop', { actionHooks: false, deadline: DEADLINE });
    return '';
  } catch (error) {
    node.log.warn('stop before teardown failed', { gear: gear.uuid, cartridge: cartridge.directory, error });
    return failedHook(error)?.output ?? '';
  }
}

/** Runs `bin/teardown` of one cartridge. */
export async function teardownCartridge(node: Node, gear: Gear, cartridge: Cartridge): Promise<string> {
  if (!hasScript(cartridge, 'bin/teardown')) return '';
  using home = Directory.open(gear.home);
  const locked = lockedFiles(home, cartridge);
  unlock(home, gear, locked);
  try {
    const result = await runScript(node, gear, cartridge, 'teardown', 'bin/teardown', { deadline: DEADLINE });
    if (result === undefined) return '';
    if (result.exitCode === 0 && !result.timedOut)
      return checkedOutput('teardown', result.stdout, result.truncated);
    node.log.warn('teardown failed', {
      gear: gear.uuid,
      cartridge: cartridge.directory,
      exitCode: result.exitCode,
    });
    return failureOutput('', `${result.stdout.toString('utf8')}${result.stderr.toString('utf8')}`);
  } finally {
    lock(home, gear, locked);
  }
}

/** Every cartridge of a gear that is being destroyed: the lines they leave for the broker. Services are killed later. */
export async function teardownCartridges(node: Node, gear: Gear): Promise<string> {
  let output = '';
  for (const cartridge of listCartridges(gear)) {
    try {
      output += await teardownCartridge(node, gear, cartridge);
    } catch (error) {
      node.log.error('cartridge teardown failed', { gear: gear.uuid, cartridge: cartridge.directory, error });
      output += `CLIENT_ERROR: Cartridge ${cartridge.name}-${cartridge.version} could not be torn down.\n`;
    }
  }
  return output;
}
