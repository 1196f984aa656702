/** `oo-app-state-show`: prints the state of a gear, one word without a newline. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [shared.containerUuid, shared.appUuid, ...shared.callerOptions] as const;

export const command: CommandDefinition = {
  name: 'oo-app-state-show',
  summary: 'Print the state of a gear',
  description: 'Prints one word: building, deploying, idle, new, started, stopped or unknown.',
  options,
  exits: shared.keyExits,
  run: (context) => shared.callNodeAction(context, 'app-state-show', shared.givenArguments(context, options)),
};
