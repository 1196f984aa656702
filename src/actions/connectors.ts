/**
 * Connection hooks (`connector-execute`): named arguments, of which `--input-args` is itself a string of quoted words,
 * as the broker escapes them for a shell. A cartridge without that connector answers nothing and succeeds.
 */
import * as v from 'valibot';
import { OoError } from '../native/error.js';
import { executeConnector } from '../operations/connector.js';
import { optionalLongText, optionalText, requiredText } from './arguments.js';
import { inner, type InnerAction } from './inner-action.js';
import { splitWords } from './words.js';

const connectorExecute = inner(
  v.object({
    '--gear-uuid': optionalText,
    '--with-container-uuid': optionalText,
    '--cart-name': requiredText,
    '--hook-name': requiredText,
    '--input-args': optionalLongText,
  }),
  async (node, args) => {
    const named = args['--gear-uuid'] ?? args['--with-container-uuid'];
    if (named === undefined) {
      throw new OoError('--gear-uuid is required. Nothing was done.', {
        code: 'ERR_BAD_ARGUMENTS',
        exitCode: 255,
      });
    }
    return executeConnector(node, {
      uuid: named,
      cartridge: args['--cart-name'],
      hook: args['--hook-name'],
      args: splitWords(args['--input-args'] ?? ''),
    });
  },
);

export const connectors: ReadonlyMap<string, InnerAction> = new Map([
  ['connector-execute', connectorExecute],
]);
