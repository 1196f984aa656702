/** `oo-delete-endpoints`: gives the public ports of a cartridge in a gear back. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

export const command: CommandDefinition = {
  name: 'oo-delete-endpoints',
  summary: "Conceal a cartridge's public ports",
  description: 'Gives the public ports of a cartridge back. A cartridge that has none is no error.',
  options: shared.endpointOptions,
  exits: [
    [0, 'Done.'],
    [1, 'There is no such gear or cartridge, or not root.'],
    [255, 'Wrong usage, or any other failure.'],
  ],
  run: (context) => shared.callEndpointAction(context, 'conceal-port'),
};
