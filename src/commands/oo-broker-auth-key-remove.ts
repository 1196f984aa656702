/** `oo-broker-auth-key-remove`: takes a gear's key to the broker away. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [shared.containerUuid, shared.appUuid, ...shared.callerOptions] as const;

export const command: CommandDefinition = {
  name: 'oo-broker-auth-key-remove',
  summary: "Remove a gear's key to the broker",
  options,
  exits: shared.keyExits,
  run: (context) =>
    shared.callNodeAction(context, 'broker-auth-key-remove', shared.givenArguments(context, options)),
};
