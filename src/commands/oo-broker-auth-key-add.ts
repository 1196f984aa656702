/** `oo-broker-auth-key-add`: gives a gear what it needs to ask the broker for something. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [
  shared.containerUuid,
  shared.appUuid,
  {
    long: 'with-iv',
    short: 'i',
    argument: 'IV',
    required: true,
    description: 'Initialisation vector, in base64.',
  },
  { long: 'with-token', short: 't', argument: 'TOKEN', required: true, description: 'Token, in base64.' },
  ...shared.callerOptions,
] as const;

export const command: CommandDefinition = {
  name: 'oo-broker-auth-key-add',
  summary: 'Give a gear its key to the broker',
  options,
  exits: shared.keyExits,
  run: (context) =>
    shared.callNodeAction(context, 'broker-auth-key-add', shared.givenArguments(context, options)),
};
