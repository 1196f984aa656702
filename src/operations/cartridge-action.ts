/**
 * One action on one cartridge of a gear, whatever its layout: `configure` and `deconfigure` are operations of their own,
 * the others are the cartridge's control actions; a cartridge of the old layout gets its root hook. Invariant: an action
 * nobody knows ends with 127 and the words the broker expects.
 */
import { openGear, type Gear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import { readState } from '../gear/state.js';
import { controlCartridge, withActionHooks } from '../cartridge/control.js';
import { reloadCartridge, statusOf } from '../cartridge/gear-control.js';
import { failedHook } from '../cartridge/hook-failure.js';
import { findCartridge, openCartridge, type Cartridge } from '../cartridge/installed.js';
import { findOldHook, hookNotFound, isOldLayout, runOldHook } from '../cartridge/old-layout.js';
import type { Node } from '../node/node.js';
import { configureCartridge } from './configure.js';
import { deconfigureCartridge } from './deconfigure.js';
import { concealPort, exposePort, showPort } from './expose-port.js';
import { onGear } from './journal.js';
import { succeeded, type OperationResult } from './result.js';
import { changeRunState, type RunAction } from './run-state.js';

export interface CartridgeActionInput {
  readonly uuid: string;
  /** As it was asked for: `php-5.3`, `embedded/mysql-5.1`. */
  readonly cartridge: string;
  readonly action: string;
  /** Positional arguments after name, namespace and uuid. */
  readonly rest?: readonly string[] | undefined;
  readonly templateUrl?: string | undefined;
}

type Act = (node: Node, gear: Gear, cartridge: Cartridge) => Promise<string>;

const nothing: Act = async () => '';

async function threadDump(node: Node, gear: Gear, cartridge: Cartridge): Promise<string> {
  const state = readState(gear);
  if (state !== 'started')
    return `CLIENT_ERROR: Application is ${state}, must be started to allow a thread dump\n`;
  if (!cartridge.manifest.additionalControlActions.includes('threaddump'))
    return 'CLIENT_ERROR: The threaddump command is not supported by this application type.\n';
  return controlCartridge(node, gear, cartridge, 'threaddump');
}

const actions: ReadonlyMap<string, Act> = new Map<string, Act>([
  ['reload', reloadCartridge],
  ['status', statusOf],
  ['threaddump', threadDump],
  [
    'tidy',
    (node, gear, cartridge) =>
      withActionHooks(node, gear, 'tidy', {}, () => controlCartridge(node, gear, cartridge, 'tidy')),
  ],
  ...[
    'info',
    'pre-install',
    'post-install',
    'post-remove',
    'post-configure',
    'pre-destroy',
    'post-destroy',
  ].map((name) => [name, nothing] as const),
]);

type PortAction = 'expose-port' | 'conceal-port' | 'show-port';

const portActions = {
  'expose-port': exposePort,
  'conceal-port': concealPort,
  'show-port': showPort,
} satisfies Record<PortAction, unknown>;

function isPortAction(action: string): action is PortAction {
  return Object.hasOwn(portActions, action);
}

const runActions: ReadonlySet<string> = new Set<RunAction>(['start', 'stop', 'restart']);

function isRunAction(action: string): action is RunAction {
  return runActions.has(action);
}

/** Names of the actions a cartridge can be asked for, besides those that only hooks of the old layout know. */
export const cartridgeActionNames: readonly string[] = [
  'configure',
  'deconfigure',
  ...runActions,
  'force-stop',
  ...Object.keys(portActions),
  ...actions.keys(),
];

async function oldAction(node: Node, gear: Gear, input: CartridgeActionInput): Promise<OperationResult> {
  const hook = findOldHook(node, input.cartridge, input.action);
  if (hook === undefined) return { output: hookNotFound(input.action), exitCode: 127 };
  const more = input.templateUrl === undefined ? [] : [input.templateUrl];
  return runOldHook(node, hook, [gear.name, gear.namespace, gear.uuid, ...(input.rest ?? []), ...more]);
}

function asResult(error: unknown): OperationResult {
  const failure = failedHook(error);
  if (failure === undefined) throw error;
  return { output: failure.output, exitCode: failure.exitCode };
}

export async function runCartridgeAction(node: Node, input: CartridgeActionInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  const inGear = (): Cartridge | undefined => findCartridge(openGear(node, uuid), input.cartridge);
  if (isOldLayout(node, input.cartridge) && inGear() === undefined)
    return onGear(node, uuid, () => oldAction(node, openGear(node, uuid), input));
  const templateUrl = input.templateUrl ?? (input.action === 'configure' ? input.rest?.[0] : undefined);
  if (input.action === 'configure') return configureCartridge(node, { ...input, templateUrl });
  if (input.action === 'deconfigure') return deconfigureCartridge(node, input);
  if (isRunAction(input.action))
    return changeRunState(node, input.action, { uuid, cartridge: input.cartridge });
  if (input.action === 'force-stop') return changeRunState(node, 'stop', { uuid, force: true });
  if (isPortAction(input.action)) return portActions[input.action](node, input);
  const act = actions.get(input.action);
  if (act === undefined) return { output: hookNotFound(input.action), exitCode: 127 };
  return onGear(node, uuid, async () => {
    const gear = openGear(node, uuid);
    const cartridge = openCartridge(gear, input.cartridge);
    try {
      return succeeded(await act(node, gear, cartridge));
    } catch (error) {
      return asResult(error);
    }
  });
}
