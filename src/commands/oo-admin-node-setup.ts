/** `oo-admin-node-setup`: turns this machine into a node, and with --remove back into what it was. */
import type { PortProxyKind } from '../host/packages.js';
import { OoError } from '../native/error.js';
import type { CommandContext, CommandDefinition, OptionDefinition } from './definition.js';

const settings: readonly (OptionDefinition & { readonly setting: string })[] = [
  {
    setting: 'publicHostname',
    long: 'public-hostname',
    argument: 'NAME',
    description: 'Fully qualified name, by which the broker knows this node.',
  },
  { setting: 'publicIp', long: 'public-ip', argument: 'ADDRESS', description: 'Address for other nodes.' },
  {
    setting: 'cloudDomain',
    long: 'cloud-domain',
    argument: 'DOMAIN',
    description: 'Domain that gears have names in.',
  },
  { setting: 'brokerHost', long: 'broker-host', argument: 'NAME', description: 'Name of the broker.' },
  { setting: 'minUid', long: 'min-uid', argument: 'UID', description: 'Lowest uid of a gear.' },
  { setting: 'maxUid', long: 'max-uid', argument: 'UID', description: 'Highest uid of a gear.' },
  {
    setting: 'cgroupRoot',
    long: 'cgroup-root',
    argument: 'PATH',
    description: 'Control group above those of the gears.',
  },
];

export const command: CommandDefinition = {
  name: 'oo-admin-node-setup',
  summary: 'Make this machine a node',
  description:
    'Makes this machine a node: folders, configuration, programs, cartridges, the PAM and SSH settings of gears, the ' +
    'front door and the services that bring all of it back after a boot. Twice is the same as once. A configuration ' +
    'that is there is kept; settings given by name are changed in it.\n\n' +
    'With --remove everything is put back as it was before the first set-up. Gears must be destroyed before that. ' +
    'Files that were changed since are kept below /var/lib/openshift-kept, logs stay where they are.',
  options: [
    ...settings,
    {
      long: 'http-bind',
      argument: 'ADDRESS',
      repeatable: true,
      description: 'What the front door listens on; default :80.',
    },
    {
      long: 'alias',
      argument: 'A=B',
      repeatable: true,
      description: 'Answer cartridge name A with the installed B, as php-5.3=php-8.2.',
    },
    {
      long: 'start',
      description: 'Start the front door, the public ports and the SSH server, with systemd or without.',
    },
    { long: 'remove', description: 'Undo the set-up.' },
  ],
  exits: [
    [0, 'Done.'],
    [1, 'It could not be done, or not root.'],
    [253, 'The configuration cannot be read, or could not be with these options.'],
    [255, 'Wrong usage.'],
  ],
  examples: [
    {
      text: 'A node of the domain example.com',
      command:
        'oo-admin-node-setup --public-hostname node1.example.com --public-ip 192.0.2.7 --cloud-domain example.com',
    },
  ],
  run: async (context) => (context.values.flag('remove') ? remove(context) : setUp(context)),
};

async function setUp({ values, output }: CommandContext): Promise<number> {
  const [{ setUpNode }, packages] = await Promise.all([
    import('../node/setup/setup.js'),
    import('../host/packages.js'),
  ]);
  const lacking = packages.missing([...packages.nodeNeeds, packages.portProxyNeed(await portProxy())]);
  if (lacking.length > 0) {
    const names = lacking.map(({ what }) => what).join(', ');
    throw new OoError(
      `This machine lacks ${names}. Nothing was changed; run: ${packages.installLine(lacking)}`,
      {
        code: 'ERR_PACKAGES',
      },
    );
  }
  const result = await setUpNode({
    settings: givenSettings(values),
    binds: values.list('http-bind').length === 0 ? [':80'] : values.list('http-bind'),
    onStep: (step) => output.progress(`Setting up: ${step}`),
  });
  output.progress('Setting up: cartridges');
  await installCartridges(result.cartridges, values.list('alias'));
  const { startNode } = await import('./node-services.js');
  const said = await startNode(result, { start: values.flag('start'), changed: result.changed });
  output.settle();
  const wanted = packages.missing(packages.cartridgeNeeds);
  const advice = [
    ...said,
    ...(wanted.length === 0
      ? []
      : [
          `For all cartridges this machine lacks ${wanted.map(({ what }) => what).join(', ')}: ${packages.installLine(wanted)}`,
        ]),
  ];
  if (values.flag('json'))
    output.print(`${JSON.stringify({ exitcode: 0, changed: result.changed, advice })}\n`);
  else {
    const changes = result.changed.length;
    output.print(
      `This machine is a node (${changes === 0 ? 'nothing had to be changed' : `${changes} changes`}).\n`,
    );
    for (const line of advice) output.print(`${line}\n`);
  }
  return 0;
}

/** What node.conf names, or what a new one will. */
async function portProxy(): Promise<PortProxyKind> {
  const [{ existsSync }, { join }, { confDirectory, loadConfig }] = await Promise.all([
    import('node:fs'),
    import('node:path'),
    import('../node/config.js'),
  ]);
  return existsSync(join(confDirectory(), 'node.conf')) ? loadConfig().portProxy : 'iptables';
}

function givenSettings(values: CommandContext['values']): Record<string, string | number> {
  const given: Record<string, string | number> = {};
  for (const { setting, long } of settings) {
    const value = values.text(long);
    if (value === undefined) continue;
    const isUid = setting === 'minUid' || setting === 'maxUid';
    if (isUid ? !/^\d{1,10}$/.test(value) : !/^[A-Za-z0-9/][-A-Za-z0-9._:/]*$/.test(value)) {
      throw new OoError(`${JSON.stringify(value)} cannot be the value of --${long}. Nothing was changed.`, {
        code: 'ERR_USAGE',
        exitCode: 255,
      });
    }
    given[setting] = isUid ? Number(value) : value;
  }
  return given;
}

async function installCartridges(sources: readonly string[], aliases: readonly string[]): Promise<void> {
  const [{ openNode }, repository] = await Promise.all([
    import('../node/node.js'),
    import('../cartridge/repository.js'),
  ]);
  const node = await openNode();
  for (const source of sources) await repository.installCartridge(node, source);
  for (const alias of aliases) await repository.aliasCartridge(node, alias);
}

async function remove({ values, output }: CommandContext): Promise<number> {
  const [{ removeNode }] = await Promise.all([import('./node-services.js')]);
  const kept = await removeNode((step) => output.progress(`Removing: ${step}`));
  output.settle();
  if (values.flag('json')) output.print(`${JSON.stringify({ exitcode: 0, kept })}\n`);
  else {
    output.print('This machine is no node any more.\n');
    for (const path of kept) output.print(`Kept: ${path}\n`);
  }
  return 0;
}
