/** `oo-app-destroy`: removes a gear with everything it has. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [
  shared.containerUuid,
  shared.appUuid,
  shared.appName,
  shared.containerName,
  shared.namespace,
  { long: 'skip-hooks', description: 'Do not run the hooks of its cartridges.' },
  ...shared.callerOptions,
] as const;

export const command: CommandDefinition = {
  name: 'oo-app-destroy',
  summary: 'Remove a gear',
  description:
    'Removes a gear: its cartridges are told, its processes end, and its account, home, limits and routes go together. ' +
    'What the cartridges want the broker to do is printed. A gear that is not there is no error.',
  options,
  exits: [
    [0, 'The gear is gone.'],
    [1, 'Not root.'],
    [255, 'Wrong usage, or any other failure.'],
  ],
  examples: [{ text: 'Remove a gear', command: 'oo-app-destroy -c cc9beb39785a45b9b97bdc6951fc8dbf' }],
  run: (context) => shared.callNodeAction(context, 'app-destroy', shared.givenArguments(context, options)),
};
