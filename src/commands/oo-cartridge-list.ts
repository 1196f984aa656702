/** `oo-cartridge-list`: the cartridges that this node can put into a gear. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [
  { long: 'with-descriptors', short: 'a', description: 'With the manifest of each.' },
  ...shared.callerOptions,
] as const;

export const command: CommandDefinition = {
  name: 'oo-cartridge-list',
  summary: 'List the installed cartridges',
  description:
    'Lists the installed cartridges, one a line below a heading. With --porcelain it is one line: CLIENT_RESULT and a ' +
    'JSON array of names, or with --with-descriptors of manifests.',
  options,
  root: false,
  exits: [
    [0, 'Done.'],
    [255, 'Wrong usage, or any other failure.'],
  ],
  run: (context) =>
    shared.callNodeAction(context, 'cartridge-list', {
      '--porcelain': context.values.flag('porcelain'),
      '--with-descriptors': context.values.flag('with-descriptors'),
    }),
};
