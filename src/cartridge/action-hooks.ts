/**
 * The tenant's action hooks, files below `.openshift/action_hooks` of the deployed code: `pre_start`, `post_stop` and
 * the like around an action of the gear, `pre_start_php`, `pre_start_php-8.2` around that of one cartridge. Invariant:
 * they run as the gear like everything of the tenant's, and what they print can only become a message to the client.
 */
import { errnoOf } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import { executeInGear } from '../gear/execute.js';
import type { Gear } from '../gear/gear.js';
import type { Node } from '../node/node.js';
import { HookFailure, hookFailure } from './hook-failure.js';
import type { Cartridge } from './installed.js';
import { checkedOutput } from './output.js';

const FOLDER = 'app-root/runtime/repo/.openshift/action_hooks';

type Found = 'executable' | 'plain' | undefined;

function look(home: Directory, name: string): Found {
  try {
    const info = home.stat(`${FOLDER}/${name}`);
    if (info.type !== 'file') return undefined;
    return (info.mode & 0o111) === 0 ? 'plain' : 'executable';
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

export interface HookStreams {
  readonly onOutput?: ((stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) | undefined;
  /** An action hook may start services of its own. */
  readonly keep?: boolean | undefined;
}

function notExecutable(gear: Gear, name: string): string {
  return [
    `NOTE: The .openshift/action_hooks/${name} hook of ${gear.appName} is not executable, it was not run.`,
    'To make it executable on Windows: git update-index --chmod=+x .openshift/action_hooks/' + name,
    'To make it executable on Linux: chmod +x .openshift/action_hooks/' + name,
  ]
    .map((line) => `CLIENT_MESSAGE: ${line}\n`)
    .join('');
}

/** Runs a hook of the gear, if the application has it; its text is for the client. */
export async function runActionHook(
  node: Node,
  gear: Gear,
  name: string,
  streams: HookStreams = {},
): Promise<string> {
  const found = withHome(gear, (home) => look(home, name));
  if (found === undefined) return '';
  if (found === 'plain') return notExecutable(gear, name);
  const file = `${gear.home}/${FOLDER}/${name}`;
  const result = await executeInGear(node, gear, {
    file,
    argv: [file],
    ...(streams.keep === undefined ? {} : { keep: streams.keep }),
    ...(streams.onOutput === undefined ? {} : { onOutput: streams.onOutput }),
  });
  if (result.exitCode === 0 && !result.timedOut)
    return checkedOutput('action-hook', result.stdout, result.truncated);
  const what = `Failed to execute action hook '${name}' for ${gear.uuid} application ${gear.appName}`;
  const failure = hookFailure(what, gear.uuid, result);
  throw new HookFailure(failure.message, {
    exitCode: failure.exitCode,
    gear: gear.uuid,
    step: name,
    output: `CLIENT_ERROR: ${what}\n${failure.output}`,
  });
}

/** Files that are sourced right before (`pre`) or after (`post`) a cartridge's own action. */
export function cartridgeHooks(
  gear: Gear,
  cartridge: Cartridge,
  when: 'pre' | 'post',
  action: string,
): readonly string[] {
  const names = [cartridge.name, `${cartridge.name}-${cartridge.version}`].map(
    (name) => `${when}_${action}_${name}`,
  );
  return withHome(gear, (home) =>
    [...new Set(names)]
      .filter((name) => look(home, name) !== undefined)
      .map((name) => `${gear.home}/${FOLDER}/${name}`),
  );
}

function withHome<T>(gear: Gear, work: (home: Directory) => T): T {
  using home = Directory.open(gear.home);
  return work(home);
}
