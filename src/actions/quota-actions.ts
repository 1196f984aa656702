/**
 * `get-quota` and `set-quota`: a gear's share of the disk as brokers read and write it. The answer is a list of seven
 * texts: where, then used, soft and hard limit of blocks (1 KiB) and of inodes.
 */
import * as v from 'valibot';
import { OoError } from '../native/error.js';
import { changeQuota, showQuota } from '../operations/quota.js';
import { optionalNumber, optionalText } from './arguments.js';
import { inner, said } from './inner-action.js';

const whose = { '--uuid': optionalText, '--with-container-uuid': optionalText };

function uuidOf(args: v.InferOutput<v.ObjectSchema<typeof whose, undefined>>): string {
  const uuid = args['--uuid'] ?? args['--with-container-uuid'];
  if (uuid !== undefined) return uuid;
  throw new OoError('--uuid is required. Nothing was done.', { code: 'ERR_BAD_ARGUMENTS', exitCode: 255 });
}

export const getQuota = inner(v.object(whose), (node, args) => {
  const { blocks, inodes } = showQuota(node, { uuid: uuidOf(args) });
  const figures = [blocks.used, blocks.soft, blocks.hard, inodes.used, inodes.soft, inodes.hard];
  return said([node.paths.gearBase, ...figures.map(String)]);
});

export const setQuota = inner(
  v.object({ ...whose, '--blocks': optionalNumber, '--inodes': optionalNumber }),
  (node, args) =>
    changeQuota(node, { uuid: uuidOf(args), blocks: args['--blocks'], inodes: args['--inodes'] }),
);
