/**
 * A gear's share of the disk, read and changed by the broker. The kernel changes a quota in one step: it is its own
 * journal. Invariant: a gear far above its new limit keeps the old one.
 */
import { openGear, type Gear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import { imposeQuota, quotaOf } from '../gear/quota.js';
import type { Quota } from '../host/quota.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import { onGear } from './journal.js';
import { silent, type OperationResult } from './result.js';

export interface QuotaInput {
  readonly uuid: string;
  /** 1 KiB blocks; as it is when absent. */
  readonly blocks?: string | undefined;
  readonly inodes?: string | undefined;
}

function requireQuota(node: Node, gear: Gear): Quota {
  const quota = quotaOf(node, gear.uid);
  if (quota !== undefined) return quota;
  throw new OoError(
    `The file system of ${node.paths.gearBase} has no quotas, so gear ${gear.uuid} has none. Nothing was done.`,
    { code: 'ERR_NO_QUOTA', gear: gear.uuid },
  );
}

export function showQuota(node: Node, input: { readonly uuid: string }): Quota {
  return requireQuota(node, openGear(node, input.uuid));
}

function limit(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new OoError('Blocks and inodes of a quota are whole numbers of at least 1. Nothing was changed.', {
    code: 'ERR_BAD_QUOTA',
    exitCode: 255,
  });
}

export async function changeQuota(node: Node, input: QuotaInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async () => {
    const gear = openGear(node, uuid);
    const { blocks, inodes } = requireQuota(node, gear);
    const wanted = { blocks: limit(input.blocks, blocks.hard), files: limit(input.inodes, inodes.hard) };
    // A gear far above its new limit could not even be stopped in an orderly way.
    if (blocks.used > wanted.blocks * 1.5 || inodes.used > wanted.files * 1.5) {
      throw new OoError(
        `Gear ${uuid} uses more than one and a half times the new limit. Nothing was changed.`,
        { code: 'ERR_OVER_QUOTA', gear: uuid },
      );
    }
    imposeQuota(node, gear.uid, wanted);
    node.log.info('quota changed', { gear: uuid, ...wanted });
    return silent;
  });
}
