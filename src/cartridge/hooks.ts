/**
 * Runs a cartridge's own scripts, `bin/*` and `hooks/*`, in the gear: working directory the cartridge, environment the
 * gear's and then the cartridge's. Invariant: only a plain executable file of root's is run, and what it says is checked
 * by its kind before anybody sees it.
 */
import { errnoOf } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import type { LaunchResult } from '../native/launch.js';
import { executeInGear } from '../gear/execute.js';
import type { Gear } from '../gear/gear.js';
import type { Node } from '../node/node.js';
import { sdkVariables, trustedOverlay } from './hook-environment.js';
import { HookFailure, hookFailure } from './hook-failure.js';
import type { Cartridge } from './installed.js';
import { checkedOutput, configureExitCode, type HookKind } from './output.js';

export interface ScriptOptions {
  readonly args?: readonly string[];
  readonly deadline?: number | undefined;
  /** Services it starts may outlive it. */
  readonly keep?: boolean;
  readonly onOutput?: ((stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) | undefined;
}

const trustedKinds: ReadonlySet<HookKind> = new Set(['setup', 'install', 'post_install', 'teardown']);

/** Is there such a script, and may it be run? */
export function hasScript(cartridge: Cartridge, script: string): boolean {
  using directory = Directory.open(cartridge.path);
  try {
    const info = directory.stat(script);
    return info.type === 'file' && info.uid === 0 && (info.mode & 0o111) !== 0;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** Runs it and hands back how it ended; undefined when there is none. */
export async function runScript(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  kind: HookKind,
  script: string,
  options: ScriptOptions = {},
): Promise<LaunchResult | undefined> {
  if (!hasScript(cartridge, script)) return undefined;
  const { args = [], deadline, keep, onOutput } = options;
  const file = `${cartridge.path}/${script}`;
  const defaults = sdkVariables(node);
  const result = await executeInGear(node, gear, {
    file,
    argv: [file, ...args],
    cwd: cartridge.path,
    cartridge: cartridge.directory,
    env: trustedKinds.has(kind) ? trustedOverlay(node, gear, cartridge) : defaults,
    ...(deadline === undefined ? {} : { deadline }),
    ...(keep === undefined ? {} : { keep }),
    ...(onOutput === undefined ? {} : { onOutput }),
  });
  node.log.debug('script', {
    gear: gear.uuid,
    cartridge: cartridge.directory,
    script,
    args,
    exitCode: result.exitCode,
    milliseconds: Math.round(result.milliseconds),
  });
  return result;
}

/** A step of a configure: its checked output, or a failure with the exit code a configure ends with. */
export async function runInstallScript(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  script: 'setup' | 'install' | 'post_install',
): Promise<string> {
  const result = await runScript(node, gear, cartridge, script, `bin/${script}`, {
    args: ['--version', cartridge.manifest.version],
  });
  if (result === undefined) return '';
  if (result.exitCode === 0 && !result.timedOut)
    return checkedOutput(script, result.stdout, result.truncated);
  const failure = hookFailure(
    `bin/${script} of cartridge ${cartridge.name}-${cartridge.version}`,
    gear.uuid,
    result,
  );
  throw new HookFailure(failure.message, {
    exitCode: configureExitCode(result.exitCode),
    gear: gear.uuid,
    step: script,
    output: failure.output,
  });
}
