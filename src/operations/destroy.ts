/**
 * Removes a gear with everything it has: its running requests end, cartridges are torn down (their lines are the
 * output), the SSH door is shut, all its processes are killed, then IPC objects, routes, home, quota and public ports
 * go, then the account and its limits. The account goes after all that bears its uid, because from then on the uid
 * belongs to whoever is created next; the limits outlast it. Invariant: every step may run again, and steps that act on
 * the uid act only while the gear's own account still holds it.
 */
import { deleteAccounts, findAccount } from '../host/accounts.js';
import { OoError } from '../native/error.js';
import { removeIpc } from '../host/sysv-ipc.js';
import { removeConfinement } from '../gear/confinement.js';
import { openGear, type Gear } from '../gear/gear.js';
import { forgetLastAccess, homeIsFree, removeHome } from '../gear/home.js';
import { parseGearUuid, type GearUuid } from '../gear/identity.js';
import { killStrays } from '../gear/kill.js';
import { killGear, liftLimits } from '../gear/limits.js';
import { concealAll } from '../gear/ports.js';
import { liftQuota } from '../gear/quota.js';
import { disconnectAll } from '../gear/routes.js';
import { teardownCartridges } from '../cartridge/teardown.js';
import type { Journal } from '../journal/journal.js';
import type { OperationDefinition } from '../journal/operation.js';
import type { Node } from '../node/node.js';
import { drain } from './drain.js';
import { onGear, registerOperation } from './journal.js';
import { silent, succeeded, type OperationResult } from './result.js';

export interface DestroyInput {
  readonly uuid: string;
  /** Leaves the cartridges' own teardown out. */
  readonly skipHooks?: boolean | undefined;
}

interface Doomed {
  readonly uuid: GearUuid;
  readonly uid: number;
  readonly skipHooks: boolean;
}

interface Destruction {
  readonly doomed: Doomed;
  readonly lines: string[];
}

function gearOrUndefined(node: Node, uuid: GearUuid): Gear | undefined {
  try {
    return openGear(node, uuid);
  } catch {
    return undefined; // half made or half removed: there is nothing a cartridge could still do
  }
}

/** A drain that fails keeps no gear alive: the ports go at the end in any case. */
async function endRequests(node: Node, { doomed }: Destruction): Promise<void> {
  const gear = doomed.skipHooks ? undefined : gearOrUndefined(node, doomed.uuid);
  if (gear === undefined) return;
  try {
    await drain(node, gear);
  } catch (error) {
    node.log.error('running requests could not be awaited', { gear: gear.uuid, error });
  }
}

async function teardown(node: Node, { doomed, lines }: Destruction): Promise<void> {
  const gear = doomed.skipHooks ? undefined : gearOrUndefined(node, doomed.uuid);
  if (gear === undefined) return;
  try {
    lines.push(await teardownCartridges(node, gear));
  } catch (error) {
    node.log.error('cartridge teardown failed', { gear: gear.uuid, error });
    lines.push(
      `CLIENT_ERROR: Abandoned cartridge teardowns. There may be extraneous data left on the system.\n`,
    );
  }
}

function definition(node: Node): OperationDefinition<Doomed, Destruction> {
  /** Runs only while the uid is still this gear's. */
  const whileOurs = async (
    { doomed }: Destruction,
    work: (uid: number) => Promise<void> | void,
  ): Promise<void> => {
    if (findAccount(doomed.uuid)?.uid === doomed.uid) await work(doomed.uid);
  };
  return {
    name: 'destroy',
    recover: 'forward',
    open: (doomed) => ({ doomed, lines: [] }),
    steps: [
      { name: 'drain', run: (destruction) => endRequests(node, destruction) },
      { name: 'cartridges', run: (destruction) => teardown(node, destruction) },
      { name: 'door', run: ({ doomed }) => removeConfinement(node, doomed.uuid) },
      {
        name: 'processes',
        async run(destruction) {
          await killGear(node, destruction.doomed.uuid);
          await whileOurs(destruction, (uid) => killStrays(node, destruction.doomed.uuid, uid));
        },
      },
      { name: 'ipc', run: (destruction) => whileOurs(destruction, removeIpc) },
      { name: 'routes', run: ({ doomed }) => disconnectAll(node, doomed) },
      { name: 'last-access', run: ({ doomed }) => forgetLastAccess(node, doomed.uuid) },
      { name: 'home', run: ({ doomed }) => removeHome(node, doomed.uuid) },
      { name: 'quota', run: (destruction) => whileOurs(destruction, (uid) => liftQuota(node, uid)) },
      { name: 'ports', run: ({ doomed }) => concealAll(node, doomed) },
      { name: 'account', run: ({ doomed }) => deleteAccounts([doomed.uuid]) },
      { name: 'limits', run: ({ doomed }) => liftLimits(node, doomed.uuid) },
    ],
  };
}

registerOperation('destroy', definition);

/** What is left of a gear without an account: a failed undo's half, or a home somebody put back. */
async function clearRemains(node: Node, uuid: GearUuid): Promise<void> {
  removeConfinement(node, uuid);
  await killGear(node, uuid);
  await removeHome(node, uuid);
  await concealAll(node, { uuid, uid: undefined });
  await liftLimits(node, uuid);
}

async function destroy(
  node: Node,
  uuid: GearUuid,
  skipHooks: boolean,
  journal: Journal,
): Promise<OperationResult> {
  const account = findAccount(uuid);
  if (account === undefined) {
    if (journal.pending(uuid).length > 0 || !homeIsFree(node, uuid)) await clearRemains(node, uuid);
    return silent;
  }
  if (account.gecos !== node.config.gearGecos) {
    throw new OoError(`The account ${uuid} is not that of a gear. Nothing was done.`, {
      code: 'ERR_NO_GEAR',
      gear: uuid,
    });
  }
  const { lines } = await journal.run(definition(node), uuid, { uuid, uid: account.uid, skipHooks });
  node.log.info('gear destroyed', { gear: uuid });
  return succeeded(lines.join(''));
}

/** Removes the gear; one that is not there is already removed. */
export async function destroyGear(node: Node, input: DestroyInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(
    node,
    uuid,
    async (journal) => {
      const result = await destroy(node, uuid, input.skipHooks === true, journal);
      await journal.forget(uuid);
      return result;
    },
    { whateverIsLeft: true },
  );
}
