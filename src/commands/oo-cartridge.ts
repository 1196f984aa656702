/** `oo-cartridge`: any action on a cartridge of a gear: configure, start, stop, status, deconfigure ... */
import type { CommandContext, CommandDefinition } from './definition.js';
import * as shared from './gear-options.js';

const verbs = [
  'add',
  'delete',
  'configure',
  'deconfigure',
  'start',
  'stop',
  'restart',
  'reload',
  'status',
  'expose-port',
  'conceal-port',
  'show-port',
  'post-configure',
];
/** The words this command has always had, and the actions they are. */
const oldVerbs: Readonly<Record<string, string>> = { add: 'configure', delete: 'deconfigure' };

/** What takes seconds, and so says that it is at work. */
const long: ReadonlySet<string> = new Set(['add', 'delete', 'configure', 'deconfigure', 'restart']);

const options = [
  {
    long: 'action',
    short: 'a',
    argument: 'ACTION',
    required: true,
    description: 'What to do.',
    choices: verbs,
  },
  shared.containerUuid,
  {
    long: 'with-cartridge-name',
    short: 'n',
    argument: 'CARTRIDGE',
    required: true,
    description: 'Name and version, or an alias: php-8.2, embedded/mysql-5.1.',
    choices: 'cartridges',
  },
  {
    long: 'with-software-version',
    short: 'p',
    argument: 'VERSION',
    description: 'Version of the software, where the name has none.',
  },
  {
    long: 'with-cartridge-vendor',
    short: 'o',
    argument: 'VENDOR',
    description: 'Of a cartridge to add: only one of this vendor.',
  },
  {
    long: 'with-template-url',
    short: 'u',
    argument: 'URL',
    description: 'Where the first code of the gear comes from.',
  },
  { long: 'verbose', short: 'v', description: 'Say that it succeeded.' },
  { long: 'dry-run', description: 'Check the request, say so, and change nothing.' },
] as const;

/** `-n php -p 8.2` is php-8.2; a vendor tells cartridges of one name apart when one of them is added. */
function fullName({ values }: CommandContext, action: string): string {
  const name = values.text('with-cartridge-name') ?? '';
  const version = values.text('with-software-version');
  const vendor = action === 'configure' ? values.text('with-cartridge-vendor') : undefined;
  const versioned = version === undefined || name.endsWith(`-${version}`) ? name : `${name}-${version}`;
  return vendor === undefined ? versioned : `${vendor}-${versioned}`;
}

export const command: CommandDefinition = {
  name: 'oo-cartridge',
  summary: 'Act on a cartridge of a gear',
  description:
    'Adds a cartridge to a gear (add, configure), removes it (delete, deconfigure), or controls it.',
  options,
  exits: [
    [0, 'Done.'],
    [1, 'There is no such gear, the action failed, or not root.'],
    [127, 'There is no such action or cartridge.'],
    [132, 'A cartridge to add is already in the gear.'],
    [157, 'The cartridge could not be configured.'],
    [255, 'Wrong usage, or any other failure.'],
  ],
  examples: [
    {
      text: 'Put PHP into a gear',
      command: 'oo-cartridge -a configure -c cc9beb39785a45b9b97bdc6951fc8dbf -n php-8.2',
    },
  ],
  run: async (context) => {
    const action = context.values.text('action') ?? '';
    const cartridge = fullName(context, oldVerbs[action] ?? action);
    if (long.has(action)) context.output.progress(`${action} ${cartridge} ...`);
    const url = context.values.text('with-template-url');
    const code = await shared.callCartridgeDo(context, {
      cartridge,
      action: oldVerbs[action] ?? action,
      args: {
        '--with-container-uuid': context.values.text('with-container-uuid'),
        '--cart-name': cartridge,
        ...(url === undefined ? {} : { '--with-template-git-url': url }),
      },
    });
    if (code === 0 && context.values.flag('verbose')) context.output.print(`Cartridge ${action} succeeded\n`);
    return code;
  },
};
