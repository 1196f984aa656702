/** A cartridge's action with named arguments, as brokers since 2013 send it, turned into the call it means. */
import * as v from 'valibot';
import { containerUuid, optionalText, parseArguments } from './arguments.js';
import type { CartridgeCall } from './cartridge-actions.js';

const schema = v.object({ ...containerUuid, '--with-template-git-url': optionalText });

export function namedCartridgeCall(
  cartridge: string,
  action: string,
  args: Readonly<Record<string, unknown>>,
): CartridgeCall {
  const given = parseArguments(schema, args, action);
  const templateUrl = given['--with-template-git-url'];
  return { uuid: given['--with-container-uuid'], cartridge, action, rest: [], templateUrl };
}
