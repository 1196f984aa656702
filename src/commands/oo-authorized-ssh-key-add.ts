/** `oo-authorized-ssh-key-add`: lets the owner of a key into a gear. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [
  shared.containerUuid,
  shared.appUuid,
  { long: 'with-ssh-key', short: 's', argument: 'KEY', required: true, description: 'The key, in base64.' },
  {
    long: 'with-ssh-key-type',
    short: 't',
    argument: 'TYPE',
    description: 'Type of the key; default ssh-rsa.',
  },
  {
    long: 'with-ssh-key-comment',
    short: 'm',
    argument: 'COMMENT',
    description: 'Name of the key in this gear: a key of the same name is replaced.',
  },
  ...shared.callerOptions,
] as const;

export const command: CommandDefinition = {
  name: 'oo-authorized-ssh-key-add',
  summary: 'Add or replace an SSH key of a gear',
  options,
  exits: shared.keyExits,
  run: (context) =>
    shared.callNodeAction(context, 'authorized-ssh-key-add', shared.givenArguments(context, options)),
};
