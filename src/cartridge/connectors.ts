/**
 * Connection hooks: `hooks/<name>` of a cartridge in a gear (`publish-db-connection-info` and the like), run in the gear
 * with the arguments the broker sends. Invariant: a cartridge without that hook answers nothing and succeeds.
 */
import type { Gear } from '../gear/gear.js';
import type { Node } from '../node/node.js';
import { HookFailure, hookFailure } from './hook-failure.js';
import { runScript } from './hooks.js';
import type { Cartridge } from './installed.js';
import { checkedOutput } from './output.js';

export async function runConnector(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  hook: string,
  args: readonly string[],
): Promise<string> {
  if (!/^[a-z0-9][-_a-z0-9]{0,63}$/i.test(hook)) return '';
  const result = await runScript(node, gear, cartridge, 'connector', `hooks/${hook}`, { args });
  if (result === undefined) return '';
  if (result.exitCode === 0 && !result.timedOut)
    return checkedOutput('connector', result.stdout, result.truncated);
  const what = `Control action '${hook}' returned an error. rc=${result.exitCode ?? ''}`;
  const failure = hookFailure(what, gear.uuid, result);
  throw new HookFailure(what, {
    exitCode: failure.exitCode,
    gear: gear.uuid,
    step: hook,
    output: `${what}\n${failure.output}`,
  });
}
