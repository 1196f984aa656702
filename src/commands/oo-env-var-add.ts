/** `oo-env-var-add`: sets a variable in the environment of a gear. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [
  shared.containerUuid,
  shared.appUuid,
  { long: 'with-key', short: 'k', argument: 'NAME', required: true, description: 'Name of the variable.' },
  { long: 'with-value', short: 'v', argument: 'VALUE', required: true, description: 'Its value.' },
  ...shared.callerOptions,
] as const;

export const command: CommandDefinition = {
  name: 'oo-env-var-add',
  summary: 'Set a variable of a gear',
  options,
  exits: shared.keyExits,
  run: (context) => shared.callNodeAction(context, 'env-var-add', shared.givenArguments(context, options)),
};
