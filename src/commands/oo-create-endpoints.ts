/** `oo-create-endpoints`: leads public ports of the node to the public endpoints of a cartridge in a gear. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

export const command: CommandDefinition = {
  name: 'oo-create-endpoints',
  summary: "Expose a cartridge's public ports",
  description:
    'Leads one of the public ports of the gear to each public endpoint of the cartridge and prints where. The same again prints the same.',
  options: shared.endpointOptions,
  exits: [
    [0, 'Done.'],
    [1, 'There is no such gear or cartridge, or not root.'],
    [67, 'All public ports of the gear are taken.'],
    [255, 'Wrong usage, or any other failure.'],
  ],
  run: (context) => shared.callEndpointAction(context, 'expose-port'),
};
