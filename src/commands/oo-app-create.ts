/** `oo-app-create`: makes a gear (account, home, limits, environment), empty of cartridges. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [
  shared.containerUuid,
  shared.appUuid,
  shared.appName,
  shared.containerName,
  shared.namespace,
  {
    long: 'with-uid',
    short: 'i',
    argument: 'UID',
    description: 'Uid of the account; default the lowest that is free.',
  },
  {
    long: 'with-quota-blocks',
    argument: 'BLOCKS',
    description: 'Most blocks of 1 KiB that its files may take.',
  },
  { long: 'with-quota-files', argument: 'FILES', description: 'Most files it may have.' },
  {
    long: 'with-secret-token',
    argument: 'TOKEN',
    description: 'Secret of the application, for its cartridges.',
  },
  ...shared.callerOptions,
] as const;

export const command: CommandDefinition = {
  name: 'oo-app-create',
  summary: 'Make a gear',
  description:
    'Makes a gear: a Unix account with a home, limits and an environment, and no cartridge yet. Either all of it is ' +
    'made or nothing is.',
  options,
  exits: [
    [0, 'The gear is there.'],
    [1, 'Not root.'],
    [129, 'The account could not be made: the uuid or the uid is taken, or no uid is free.'],
    [146, 'The node is full.'],
    [255, 'Wrong usage, or any other failure.'],
  ],
  examples: [
    {
      text: 'A gear for the application phpapp of the namespace demo',
      command:
        'oo-app-create --with-app-name phpapp --with-namespace demo --with-app-uuid cc9beb39785a45b9b97bdc6951fc8dbf ' +
        '--with-container-name phpapp --with-container-uuid cc9beb39785a45b9b97bdc6951fc8dbf',
    },
  ],
  run: (context) => shared.callNodeAction(context, 'app-create', shared.givenArguments(context, options)),
};
