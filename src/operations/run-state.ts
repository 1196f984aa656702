/**
 * Starting, stopping and restarting, of a whole gear or one cartridge of it. Journaled and recovered forward:
 * what a dead process had begun to start or stop is started or stopped. Invariant: a script that fails is a
 * result with the script's exit code and words, not an operation left open; after the stop of a whole gear no
 * process of it lives.
 */
import { actOnCartridge, actOnGear } from '../cartridge/gear-control.js';
import { failedHook } from '../cartridge/hook-failure.js';
import { openCartridge } from '../cartridge/installed.js';
import { refreshConfinement } from '../gear/confinement.js';
import { openGear, type Gear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import { killStrays } from '../gear/kill.js';
import { imposeLimits, killGear } from '../gear/limits.js';
import { readStopLock, setStopLock, statusAttribute, writeState } from '../gear/state.js';
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

async function act(node: Node, running: Running): Promise<void> {
  try {
    running.output += await scripts(node, running);
  } catch (error) {
    const failure = failedHook(error);
    if (failure === undefined) throw error;
    running.output += failure.output;
    running.exitCode = failure.exitCode;
  }
}

function markStopped(node: Node, gear: Gear, reason: string): void {
  setStopLock(node, gear, reason);
  writeState(node, gear, 'stopped');
}

/** A gear that was stopped or idle already says so. */
function already({ gear, order }: Running): string {
  const attribute = order.action === 'stop' ? statusAttribute(gear) : undefined;
  return attribute === undefined ? '' : `${attribute}\n`;
}

function leftAlone({ gear, order }: Running): boolean {
  return !order.userInitiated && readStopLock(gear) !== undefined;
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
          running.output += already(running);
          if (order.reason !== '') setStopLock(node, running.gear, order.reason);
          if (order.force && order.action === 'stop') markStopped(node, running.gear, order.reason);
          else await act(node, running);
        },
      },
      ...(order.action === 'stop' && order.cartridge === null
        ? [
            {
              name: 'processes',
              async run(running: Running) {
                if (!leftAlone(running)) await endAll(node, running.gear);
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
    const order: Order = {
      uuid,
      action,
      cartridge: input.cartridge ?? null,
      userInitiated: input.userInitiated ?? true,
      force: input.force ?? false,
      reason: input.reason ?? '',
    };
    const { output, exitCode } = await journal.run(definition(node), uuid, order);
    node.log.info('gear changed state', { gear: uuid, action, cartridge: input.cartridge, exitCode });
    return { output, exitCode };
  });
}
