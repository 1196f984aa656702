/**
 * Starting, stopping and restarting, of a whole gear or one cartridge of it. Journaled and recovered forward:
 * what a dead process had begun to start or stop is started or stopped. Invariant: a script that fails is a
 * result with the script's exit code and words, not an operation left open; after the stop of a whole gear no
 * process of it lives.
 */
import { actOnCartridge, actOnGear } from '../cartridge/gear-control.js';
import { failedHook } from '../cartridge/hook-failure.js';
import { openCartridge } from '../cartridge/installed.js';
import { endNewLaunches, launchGroups } from '../cartridge/services.js';
import { refreshConfinement } from '../gear/confinement.js';
import { openGear, type Gear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import { killStrays } from '../gear/kill.js';
import { imposeLimits, killGear } from '../gear/limits.js';
import { readState, readStopLock, setStopLock, statusAttribute, writeState } from '../gear/state.js';
import { OoError } from '../native/error.js';
import type { OperationDefinition } from '../journal/operation.js';
import type { Node } from '../node/node.js';
import { onGear, registerOperation } from './journal.js';
import type { OperationResult } from './result.js';

export type RunAction = 'start' | 'stop' | 'restart';

export interface RunStateInput {
  readonly uuid: string;
  /** One cartridge, as it is asked for; the whole gear when absent. */
  readonly cartridge?: string | undefined;
  /** Default true. A boot or an idler is not a user: it leaves a gear alone that a user has stopped. */
  readonly userInitiated?: boolean | undefined;
  /** Of a stop: no scripts, only the end of every process. */
  readonly force?: boolean | undefined;
  /** Of a stop: why, kept in the stop lock. */
  readonly reason?: string | undefined;
}

/** Plain JSON, for the journal. */
interface Order {
  readonly uuid: string;
  readonly action: RunAction;
  readonly cartridge: string | null;
  readonly userInitiated: boolean;
  readonly force: boolean;
  readonly reason: string;
  /** A user has stopped the gear, and it is no user who wants something now. */
  readonly leftAlone: boolean;
  /** Groups of launches that were there before. */
  readonly groups: readonly string[];
}

interface Running {
  readonly order: Order;
  readonly gear: Gear;
  output: string;
  exitCode: number;
}

function scripts(node: Node, { gear, order }: Running): Promise<string> {
  const options = { userInitiated: order.userInitiated };
  if (order.cartridge === null) return actOnGear(node, gear, order.action, options);
  return actOnCartridge(node, gear, openCartridge(gear, order.cartridge), order.action, options);
}

/** Whatever keeps the scripts from running is told like a script's failure: the rest of the operation goes on. */
async function act(node: Node, running: Running, work: () => Promise<string> | string): Promise<void> {
  try {
    running.output += await work();
  } catch (error) {
    const failure = failedHook(error);
    const message = error instanceof Error ? error.message : String(error);
    running.output += failure?.output ?? `CLIENT_ERROR: ${message.replaceAll('\n', ' ')}\n`;
    running.exitCode = failure?.exitCode ?? (error instanceof OoError ? error.exitCode : 1);
    if (failure === undefined)
      node.log.error('scripts not run', { gear: running.gear.uuid, action: running.order.action, error });
  }
}

/** A boot or a shutdown stops no gear for good. */
function markStopped(node: Node, { gear, order }: Running): string {
  if (order.userInitiated) setStopLock(node, gear, order.reason);
  writeState(node, gear, 'stopped');
  return '';
}

/** A gear that was stopped or idle already says so. */
function already({ gear, order }: Running): string {
  const attribute = order.action === 'stop' ? statusAttribute(gear) : undefined;
  return attribute === undefined ? '' : `${attribute}\n`;
}

/** After a stop whose scripts failed, or beside a push that had not ended, the word may say that it runs. */
function settleState(node: Node, running: Running): Promise<void> {
  const state = readState(running.gear);
  return act(node, running, () =>
    ['started', 'building', 'deploying'].includes(state) ? markStopped(node, running) : '',
  );
}

async function endAll(node: Node, gear: Gear): Promise<void> {
  await killGear(node, gear.uuid);
  await killStrays(node, gear.uuid, gear.uid);
}

function definition(node: Node): OperationDefinition<Order, Running> {
  return {
    name: 'run-state',
    recover: 'forward',
    open: (order) => ({ order, gear: openGear(node, order.uuid), output: '', exitCode: 0 }),
    steps: ({ order }) => [
      // Nothing new is there yet, except what a process that died of this operation had begun.
      { name: 'launches', run: ({ gear }) => endNewLaunches(node, gear, order.groups) },
      {
        // After a reboot the group is gone, and the node's limits may have changed: the next process meets
        // today's.
        name: 'limits',
        async run({ gear }) {
          if (order.action === 'stop') return;
          await imposeLimits(node, gear.uuid);
          refreshConfinement(node, gear);
        },
      },
      {
        name: order.action,
        async run(running) {
          const { gear } = running;
          running.output += already(running);
          await act(node, running, () => {
            if (order.userInitiated && order.reason !== '') setStopLock(node, gear, order.reason);
            if (order.action !== 'stop' || !order.force) return scripts(node, running);
            return order.leftAlone ? '' : markStopped(node, running);
          });
        },
      },
      ...(order.action === 'stop' && order.cartridge === null
        ? [
            {
              name: 'processes',
              async run(running: Running) {
                if (order.leftAlone) return;
                await endAll(node, running.gear);
                await settleState(node, running);
              },
            },
          ]
        : []),
    ],
  };
}

registerOperation('run-state', definition);

export async function changeRunState(
  node: Node,
  action: RunAction,
  input: RunStateInput,
): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async (journal) => {
    const gear = openGear(node, uuid);
    if (input.cartridge !== undefined) openCartridge(gear, input.cartridge);
    const userInitiated = input.userInitiated ?? true;
    const order: Order = {
      uuid,
      action,
      cartridge: input.cartridge ?? null,
      userInitiated,
      force: input.force ?? false,
      reason: input.reason ?? '',
      leftAlone: !userInitiated && readStopLock(gear) !== undefined,
      groups: launchGroups(node, gear),
    };
    const { output, exitCode } = await journal.run(definition(node), uuid, order);
    node.log.info('gear changed state', { gear: uuid, action, cartridge: input.cartridge, exitCode });
    return { output, exitCode };
  });
}
