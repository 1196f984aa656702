/** `oo-connector-execute`: runs a connection hook of a cartridge in a gear. */
import type { CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const options = [
  {
    long: 'gear-uuid',
    short: 'g',
    argument: 'UUID',
    required: true,
    description: 'Uuid of the gear.',
    choices: 'gears',
  },
  {
    long: 'cart-name',
    short: 'c',
    argument: 'CARTRIDGE',
    required: true,
    description: 'The cartridge in that gear.',
  },
  {
    long: 'hook-name',
    short: 'h',
    argument: 'HOOK',
    required: true,
    description: 'The hook: publish-..., set-...',
  },
  { long: 'input-args', argument: 'WORDS', description: 'Its arguments as one string of quoted words.' },
  {
    long: 'connection-type',
    argument: 'TYPE',
    description: 'The type of the connection; ENV:... sets variables.',
  },
  {
    long: 'publishing-cart-name',
    argument: 'CARTRIDGE',
    description: 'Whose variables they are, for a connection of type ENV:...',
  },
  ...shared.callerOptions,
] as const;

export const command: CommandDefinition = {
  name: 'oo-connector-execute',
  summary: 'Run a connection hook',
  description:
    'Runs a connection hook of a cartridge in a gear. Arguments after -- go to the hook as they are.',
  options,
  positionals: [{ name: 'ARGUMENT', repeatable: true, description: 'An argument of the hook.' }],
  exits: [
    [0, 'Done, or the cartridge has no such hook.'],
    [1, 'There is no such gear or cartridge, or not root.'],
    [255, 'Wrong usage, or any other failure; a hook that fails ends with its own code.'],
  ],
  run: async (context) => {
    const { escapeWord } = await import('../actions/words.js');
    const words = context.values.positionals.map(escapeWord).join(' ');
    const given = shared.givenArguments(context, options);
    return shared.callNodeAction(
      context,
      'connector-execute',
      words === '' ? given : { ...given, '--input-args': words },
    );
  },
};
