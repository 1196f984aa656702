/**
 * Makes an empty gear. Order, and why: the control group with its limits comes first, because it needs only the uuid.
 * The account follows, because choosing the lowest free uid and taking it must be one act under the lock of the account
 * files; quota and confinement file, which need the uid, follow it. Until then the account cannot be used: it has no
 * password, its home is not there (so sshd finds no key), and its shell and pam_oo refuse a gear without a confinement
 * file. The home is built, synced to the disk and moved into place last: that rename opens the door. Invariant: undone
 * backwards, the uid is given back only when nothing bears it any more.
 */
import { createAccount, deleteAccounts, findAccount } from '../host/accounts.js';
import { errnoOf, OoError } from '../native/error.js';
import { removeConfinement, writeConfinement } from '../gear/confinement.js';
import { creationEnvironment } from '../gear/creation-environment.js';
import { homeIsFree, makeHome, removeHome } from '../gear/home.js';
import { homeOf } from '../gear/home-path.js';
import { requireLayers } from '../gear/layers.js';
import { imposeLimits, killGear, liftLimits } from '../gear/limits.js';
import { imposeQuota, liftQuota } from '../gear/quota.js';
import type { OperationDefinition } from '../journal/operation.js';
import { accountFilesName } from '../node/account-list.js';
import type { Node } from '../node/node.js';
import { withRoom } from './capacity.js';
import { checkCreate, type CheckedCreate, type CreateInput } from './create-input.js';
import { nodeJournal, onGear, registerOperation } from './journal.js';
import { silent, type OperationResult } from './result.js';

interface Creation {
  readonly input: CheckedCreate;
  uid: number | undefined;
  /** The account files were left as they were: whatever bears the name there is not ours. */
  refused: boolean;
}

/** The account, if it is there and is the one this operation made. */
function ownAccount(node: Node, uuid: string): { readonly uid: number } | undefined {
  const account = findAccount(uuid);
  const ours = account?.gecos === node.config.gearGecos && account.home === homeOf(node, uuid);
  return ours ? account : undefined;
}

function accountRefused(node: Node, uuid: string, cause: unknown): unknown {
  const code = errnoOf(cause);
  const details = { exitCode: 129, gear: uuid, step: 'account', cause };
  const { gearMinUid: low, gearMaxUid: high } = node.config;
  if (code === 'EEXIST') {
    return new OoError(`An account or group named ${uuid} exists on this node. Nothing was done.`, {
      code: 'ERR_GEAR_EXISTS',
      ...details,
    });
  }
  if (code === 'EADDRINUSE') {
    return new OoError(
      'uid or gid exists on node: the uid asked for is taken. Nothing was done; ask for another one.',
      {
        code: 'ERR_UID_TAKEN',
        ...details,
      },
    );
  }
  if (code === 'ENOSPC' && cause instanceof OoError && cause.step === 'uid-range') {
    return new OoError(
      `All uids from ${low} to ${high} are taken. Nothing was done; destroy gears or widen the range in node.conf.`,
      {
        code: 'ERR_UID_RANGE_FULL',
        ...details,
      },
    );
  }
  return cause;
}

/** Refusals that are made before the account files are touched; a full disk may come in the middle. */
function leftAlone(error: unknown): boolean {
  const fullRange = errnoOf(error) === 'ENOSPC' && error instanceof OoError && error.step === 'uid-range';
  return fullRange || ['EEXIST', 'EADDRINUSE', 'EINVAL', 'EBUSY'].includes(errnoOf(error) ?? '');
}

function definition(node: Node): OperationDefinition<CheckedCreate, Creation> {
  const uidOf = (creation: Creation): number => {
    if (creation.uid === undefined) throw new Error('the account step has not run');
    return creation.uid;
  };
  return {
    name: 'create',
    recover: 'back',
    open: (input) => ({ input, uid: undefined, refused: false }),
    steps: [
      {
        name: 'limits',
        run: ({ input }) => imposeLimits(node, input.uuid),
        async undo({ input }) {
          await killGear(node, input.uuid);
          await liftLimits(node, input.uuid);
        },
      },
      {
        name: 'account',
        async run(creation) {
          const { uuid, uid } = creation.input;
          const range = { first: node.config.gearMinUid, last: node.config.gearMaxUid };
          try {
            const account = await createAccount({
              name: uuid,
              ...(uid === null ? { range } : { uid }),
              gecos: node.config.gearGecos,
              home: homeOf(node, uuid),
              shell: node.config.gearShell,
            });
            creation.uid = account.uid;
          } catch (error) {
            creation.refused = leftAlone(error);
            throw accountRefused(node, uuid, error);
          }
        },
        async undo({ input: { uuid }, refused }) {
          // Nothing of ours to take out: somebody may hold the files for long.
          if (refused || !accountFilesName(uuid)) return;
          if (findAccount(uuid) === undefined || ownAccount(node, uuid) !== undefined)
            await deleteAccounts([uuid]);
        },
      },
      {
        name: 'quota',
        run: (creation) => void imposeQuota(node, uidOf(creation), creation.input.quota),
        undo({ input, uid }) {
          const known = uid ?? ownAccount(node, input.uuid)?.uid; // recovery finds it in the account
          if (known !== undefined) liftQuota(node, known);
        },
      },
      {
        name: 'confinement',
        run(creation) {
          const uid = uidOf(creation);
          // The home step syncs the file system before it opens the door.
          writeConfinement(node, { uuid: creation.input.uuid, uid, gid: uid }, { durable: false });
        },
        undo: ({ input }) => removeConfinement(node, input.uuid),
      },
      {
        name: 'home',
        run(creation) {
          const { input } = creation;
          const variables = creationEnvironment(
            input,
            homeOf(node, input.uuid),
            node.config.cloudDomain,
            node.limits.memoryLimit,
            input.secretToken ?? undefined,
          );
          return makeHome(node, { uuid: input.uuid, uid: uidOf(creation), gid: uidOf(creation) }, variables);
        },
        async undo({ input }) {
          await killGear(node, input.uuid); // the door may have been open already
          await removeHome(node, input.uuid);
        },
      },
    ],
  };
}

registerOperation('create', definition);

/** Also what makes undoing safe: from here on, whatever bears this name is ours. */
function requireFree(node: Node, uuid: string): void {
  const taken =
    findAccount(uuid) !== undefined
      ? 'an account of that name exists'
      : accountFilesName(uuid, ['group'])
        ? 'a group of that name exists'
        : homeIsFree(node, uuid)
          ? undefined
          : 'its home exists';
  if (taken === undefined) return;
  throw new OoError(`Gear ${uuid} cannot be created: ${taken} on this node. Nothing was done.`, {
    code: 'ERR_GEAR_EXISTS',
    exitCode: 129,
    gear: uuid,
  });
}

export async function createGear(node: Node, request: CreateInput): Promise<OperationResult> {
  nodeJournal(node); // says at once that only root may do this
  const input = checkCreate(node, request);
  requireLayers(node);
  return onGear(node, input.uuid, async (journal) => {
    requireFree(node, input.uuid);
    try {
      await withRoom(node, () => journal.run(definition(node), input.uuid, input));
    } catch (error) {
      throw userCreationFailed(error, input.uuid);
    }
    node.log.info('gear created', { gear: input.uuid, app: input.appName, namespace: input.namespace });
    return silent;
  });
}

/** Whatever a step failed of, the broker knows it as 129, "user creation failed". */
function userCreationFailed(error: unknown, gear: string): unknown {
  if (!(error instanceof OoError) || error.exitCode !== 1) return error;
  return new OoError(`Gear ${gear} was not created: ${error.message}`, {
    code: error.code,
    exitCode: 129,
    gear,
    cause: error,
    ...(error.step === undefined ? {} : { step: error.step }),
  });
}
