/**
 * Connection hooks (`connector-execute`): named arguments, of which `--input-args` is itself a string of quoted words,
 * as the broker escapes them for a shell. A cartridge without that connector answers nothing and succeeds.
 */
import * as v from 'valibot';
import { runConnector } from '../cartridge/connectors.js';
import { failedHook } from '../cartridge/hook-failure.js';
import { openCartridge } from '../cartridge/installed.js';
import { openGear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import { OoError } from '../native/error.js';
import { onGear } from '../operations/journal.js';
import { optionalLongText, optionalText, requiredText } from './arguments.js';
import { inner, said, type InnerAction } from './inner-action.js';
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
    const uuid = parseGearUuid(named);
    const words = splitWords(args['--input-args'] ?? '');
    return onGear(node, uuid, async () => {
      const gear = openGear(node, uuid);
      const cartridge = openCartridge(gear, args['--cart-name']);
      try {
        return said(await runConnector(node, gear, cartridge, args['--hook-name'], words));
      } catch (error) {
        const failure = failedHook(error);
        if (failure === undefined) throw error;
        return { output: failure.output, exitCode: failure.exitCode };
      }
    });
  },
);

export const connectors: ReadonlyMap<string, InnerAction> = new Map([
  ['connector-execute', connectorExecute],
]);
