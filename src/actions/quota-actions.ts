/**
 * `get-quota` and `set-quota`: a gear's share of the disk as brokers read and write it. The answer is a list of seven
 * texts: where, then used, soft and hard limit of blocks (1 KiB) and of inodes.
 */
import * as v from 'valibot';
import { openGear, type Gear } from '../gear/gear.js';
import { withGearLock } from '../gear/lock.js';
import { getQuota, setQuota } from '../native/quota.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import { optionalNumber, optionalText } from './arguments.js';
import { inner, said } from './inner-action.js';

const whose = { '--uuid': optionalText, '--with-container-uuid': optionalText };

interface Whose {
  readonly '--uuid'?: string | undefined;
  readonly '--with-container-uuid'?: string | undefined;
}

function gearOf(node: Node, args: Whose): Gear {
  const uuid = args['--uuid'] ?? args['--with-container-uuid'];
  if (uuid === undefined) throw refused('--uuid is required');
  return openGear(node, uuid);
}

function refused(what: string): OoError {
  return new OoError(`${what}. Nothing was done.`, { code: 'ERR_BAD_ARGUMENTS', exitCode: 255 });
}

function quotaOf(node: Node, gear: Gear) {
  const quota = getQuota(node.paths.gearBase, gear.uid);
  if (quota !== undefined) return quota;
  throw new OoError(
    `The file system of ${node.paths.gearBase} has no quotas, so gear ${gear.uuid} has none.`,
    {
      code: 'ERR_NO_QUOTA',
      gear: gear.uuid,
    },
  );
}

export const showQuota = inner(v.object(whose), (node, args) => {
  const { blocks, inodes } = quotaOf(node, gearOf(node, args));
  const figures = [blocks.used, blocks.soft, blocks.hard, inodes.used, inodes.soft, inodes.hard];
  return said([node.paths.gearBase, ...figures.map(String)]);
});

export const changeQuota = inner(
  v.object({ ...whose, '--blocks': optionalNumber, '--inodes': optionalNumber }),
  async (node, args) => {
    const gear = gearOf(node, args);
    return withGearLock(node, gear.uuid, async () => {
      const { blocks, inodes } = quotaOf(node, gear);
      const wanted = {
        blocks: whole(args['--blocks'], blocks.hard),
        inodes: whole(args['--inodes'], inodes.hard),
      };
      // A gear far above its new limit could not even be stopped in an orderly way.
      if (blocks.used > wanted.blocks * 1.5 || inodes.used > wanted.inodes * 1.5) {
        throw new OoError(
          `Gear ${gear.uuid} uses more than one and a half times the new limit. Nothing was changed.`,
          {
            code: 'ERR_OVER_QUOTA',
            gear: gear.uuid,
          },
        );
      }
      setQuota(node.paths.gearBase, gear.uid, wanted);
      return said('');
    });
  },
);

function whole(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw refused('--blocks and --inodes are whole numbers of at least 1');
}
