/**
 * `bin/control ACTION` of one cartridge, with the tenant's action hooks around it. Invariant: services that `start` and
 * its like leave running live in the gear's own group; everything else ends with the call. A cartridge without that
 * script, or one that does not know the action, has nothing to do and succeeds.
 */
import { executeInGear } from '../gear/execute.js';
import type { Gear } from '../gear/gear.js';
import type { Node } from '../node/node.js';
import { cartridgeHooks, runActionHook } from './action-hooks.js';
import { sdkVariables } from './hook-environment.js';
import { HookFailure, hookFailure } from './hook-failure.js';
import { hasScript } from './hooks.js';
import type { Cartridge } from './installed.js';
import { checkedOutput } from './output.js';

export interface ControlOptions {
  readonly args?: readonly string[];
  /** false: without the tenant's action hooks. */
  readonly actionHooks?: boolean;
  readonly deadline?: number | undefined;
  /** Both streams as one text: for actions whose output is an answer. */
  readonly merge?: boolean;
  /** Called with what is printed, while it is printed. */
  readonly onOutput?: ((stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) | undefined;
}

/** Actions that leave services running. */
const starting = new Set([
  'start',
  'restart',
  'reload',
  'cond-reload',
  'force-reload',
  'graceful',
  'deploy',
  'post-deploy',
  'distribute',
  'tidy',
]);

// Hooks of the tenant are sourced, so that what they export reaches the cartridge's script. The text is fixed; the
// names of the files and the action are arguments.
const WITH_HOOKS = `set -e
before=$1; shift
for ((; before > 0; before--)); do . "$1"; shift; done
after=$1; shift
posts=("\${@:1:after}"); shift "$after"
"$@"
for hook in "\${posts[@]}"; do . "$hook"; done`;

function command(gear: Gear, cartridge: Cartridge, action: string, args: readonly string[], hooks: boolean) {
  const file = `${cartridge.path}/bin/control`;
  const own = [file, action, ...args];
  const pre = hooks ? cartridgeHooks(gear, cartridge, 'pre', action) : [];
  const post = hooks ? cartridgeHooks(gear, cartridge, 'post', action) : [];
  if (pre.length + post.length === 0) return { file, argv: own };
  const counted = [String(pre.length), ...pre, String(post.length), ...post];
  return { file: '/bin/bash', argv: ['bash', '-c', WITH_HOOKS, 'control', ...counted, ...own] };
}

/** Runs the action and hands back what is for the client; a failure is a `HookFailure` with the script's exit code. */
export async function controlCartridge(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  action: string,
  options: ControlOptions = {},
): Promise<string> {
  const { args = [], actionHooks = true, deadline, merge = false, onOutput } = options;
  if (!hasScript(cartridge, 'bin/control')) return '';
  const keep = starting.has(action);
  const launched = await executeInGear(node, gear, {
    ...command(gear, cartridge, action, args, actionHooks),
    cwd: cartridge.path,
    cartridge: cartridge.directory,
    env: sdkVariables(node),
    keep,
    stderr: merge ? 'merge' : 'separate',
    ...(deadline === undefined ? {} : { deadline }),
    ...(onOutput === undefined ? {} : { onOutput }),
  });
  node.log.debug('control', {
    gear: gear.uuid,
    cartridge: cartridge.directory,
    action,
    exitCode: launched.exitCode,
    milliseconds: Math.round(launched.milliseconds),
  });
  if (launched.exitCode === 0 && !launched.timedOut)
    return checkedOutput('control', launched.stdout, launched.truncated);
  const what = `Failed to execute: 'control ${action}' for ${cartridge.path}`;
  const failure = hookFailure(what, gear.uuid, launched);
  throw new HookFailure(failure.message, {
    exitCode: failure.exitCode,
    gear: gear.uuid,
    step: `control ${action}`,
    output: `CLIENT_ERROR: ${what}\n${failure.output}`,
  });
}

/** Name of the gear-level hook of an action: dashes become underscores. */
export function gearHook(when: 'pre' | 'post', action: string): string {
  return `${when}_${action.replaceAll('-', '_')}`;
}

/** Runs `work` between the gear's own `pre_` and `post_` hooks of an action. */
export async function withActionHooks(
  node: Node,
  gear: Gear,
  action: string,
  options: ControlOptions,
  work: () => Promise<string>,
): Promise<string> {
  if (options.actionHooks === false) return work();
  const streams = { keep: starting.has(action), onOutput: options.onOutput };
  const before = await runActionHook(node, gear, gearHook('pre', action), streams);
  const output = await work();
  return before + output + (await runActionHook(node, gear, gearHook('post', action), streams));
}
