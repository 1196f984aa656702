/** `oo-authorized-ssh-key-remove`: takes a key away from a gear. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [
  shared.containerUuid,
  shared.appUuid,
  { long: 'with-ssh-key', short: 's', argument: 'KEY', required: true, description: 'The key, in base64.' },
  {
    long: 'with-ssh-comment',
    short: 'm',
    argument: 'COMMENT',
    description: 'Remove it only under this name.',
  },
  ...shared.callerOptions,
] as const;

export const command: CommandDefinition = {
  name: 'oo-authorized-ssh-key-remove',
  summary: 'Remove an SSH key of a gear',
  options,
  exits: shared.keyExits,
  run: (context) =>
    shared.callNodeAction(context, 'authorized-ssh-key-remove', shared.givenArguments(context, options)),
};
