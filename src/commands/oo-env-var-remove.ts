/** `oo-env-var-remove`: takes a variable out of the environment of a gear. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [
  shared.containerUuid,
  shared.appUuid,
  { long: 'with-key', short: 'k', argument: 'NAME', required: true, description: 'Name of the variable.' },
  ...shared.callerOptions,
] as const;

export const command: CommandDefinition = {
  name: 'oo-env-var-remove',
  summary: 'Remove a variable of a gear',
  description: 'Removes a variable of a gear. A variable that is not there is no error.',
  options,
  exits: shared.keyExits,
  run: (context) => shared.callNodeAction(context, 'env-var-remove', shared.givenArguments(context, options)),
};
