/** `oo-admin-cartridge`: the cartridges of this node: installed, listed, erased, and the other names they answer to. */
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import type { CommandContext, CommandDefinition } from './definition.js';

const verbs = ['install', 'list', 'erase'] as const;

export const command: CommandDefinition = {
  name: 'oo-admin-cartridge',
  summary: "Manage the node's cartridges",
  description:
    'Installs cartridges from folders, lists what is installed with its aliases, or erases one cartridge version. An ' +
    'alias lets a broker ask for an installed cartridge by another name; in the gear it is known by that name.\n\n' +
    'Gears keep the copy that they were configured with.',
  options: [
    { long: 'action', short: 'a', argument: 'ACTION', description: 'What to do.', choices: verbs },
    { long: 'list', short: 'l', description: 'List what is installed.' },
    {
      long: 'source',
      short: 's',
      argument: 'FOLDER',
      description: 'Cartridge to install.',
      choices: 'files',
    },
    { long: 'recursive', short: 'R', description: 'FOLDER holds many cartridges.' },
    { long: 'cartridge_vendor', short: 'o', argument: 'VENDOR', description: 'Vendor; default redhat.' },
    { long: 'name', short: 'n', argument: 'NAME', description: 'Name of the cartridge to erase.' },
    {
      long: 'version',
      short: 'v',
      argument: 'VERSION',
      description: 'Version of the software; only checked.',
    },
    {
      long: 'cartridge_version',
      short: 'c',
      argument: 'VERSION',
      description: 'Version of the cartridge to erase.',
    },
    { long: 'force', short: 'f', description: 'Install over the same version. Always so.' },
    {
      long: 'alias',
      argument: 'A=B',
      repeatable: true,
      description: 'Answer the name A with the installed B, as php-5.3=php-8.2.',
    },
    { long: 'unalias', argument: 'A', repeatable: true, description: 'Take the name A away.' },
    { long: 'offline', description: 'Accepted and without meaning.' },
  ],
  positionals: [
    { name: 'ACTION', description: 'What to do, instead of --action.', choices: verbs },
    {
      name: 'FOLDER',
      repeatable: true,
      description: 'Cartridges to install, instead of --source.',
      choices: 'files',
    },
  ],
  exits: [
    [0, 'Done.'],
    [1, 'Something is missing or failed, or not root.'],
    [255, 'Wrong usage.'],
  ],
  examples: [
    { text: 'Let a broker ask for php-5.3', command: 'oo-admin-cartridge --alias php-5.3=php-8.2' },
    {
      text: 'Install a cartridge',
      command: 'oo-admin-cartridge install /usr/libexec/openshift/cartridges/php',
    },
  ],
  run: async (context) => {
    const { values } = context;
    const verb = values.text('action') ?? (values.flag('list') ? 'list' : values.positionals[0]);
    const renames = values.list('alias').length + values.list('unalias').length > 0;
    if (verb === undefined && !renames) throw usage('Say what to do: install, list or erase');
    if (verb !== undefined && !(verbs as readonly string[]).includes(verb)) {
      throw usage(`The action is one of ${verbs.join(', ')}, not ${JSON.stringify(verb)}`);
    }
    const { openNode } = await import('../node/node.js');
    const node = await openNode();
    if (verb === 'install') await install(node, context);
    if (verb === 'erase') await erase(node, values);
    if (renames) await rename(node, values);
    if (verb === 'list') await list(node, context);
    else if (!values.flag('json')) context.output.print('Succeeded\n');
    else context.output.print(`${JSON.stringify({ exitcode: 0 })}\n`);
    return 0;
  },
};

function usage(what: string, exitCode = 255): OoError {
  return new OoError(`${what}; see oo-admin-cartridge --help.`, { code: 'ERR_USAGE', exitCode });
}

async function install(node: Node, { values, output }: CommandContext): Promise<void> {
  const source = values.text('source');
  const given = source === undefined ? values.positionals.slice(1) : [source];
  if (given.length === 0) throw usage('install needs a folder: --source FOLDER', 1);
  const { resolve } = await import('node:path');
  const { readdirSync } = await import('node:fs');
  const folders = given.map((folder) => resolve(folder));
  const all = values.flag('recursive')
    ? folders.flatMap((folder) =>
        readdirSync(folder, { withFileTypes: true })
          .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
          .map((entry) => resolve(folder, entry.name)),
      )
    : folders;
  const { installCartridge } = await import('../cartridge/repository.js');
  for (const folder of all) {
    const { vendor, name, cartridgeVersion } = await installCartridge(node, folder);
    output.progress(`Installed ${vendor}-${name} ${cartridgeVersion}`);
  }
  output.settle();
}

async function erase(node: Node, values: CommandContext['values']): Promise<void> {
  const name = values.text('name');
  const cartridgeVersion = values.text('cartridge_version');
  if (name === undefined || cartridgeVersion === undefined) {
    throw usage('erase needs --name and --cartridge_version', 1);
  }
  const { eraseCartridge } = await import('../cartridge/repository.js');
  const vendor = values.text('cartridge_vendor') ?? 'redhat';
  await eraseCartridge(node, { vendor, name, cartridgeVersion });
}

async function rename(node: Node, values: CommandContext['values']): Promise<void> {
  const { aliasCartridge, unaliasCartridge } = await import('../cartridge/repository.js');
  for (const name of values.list('unalias')) await unaliasCartridge(node, name);
  for (const text of values.list('alias')) await aliasCartridge(node, text);
}

async function list(node: Node, { values, output }: CommandContext): Promise<void> {
  const { listAliases, listRepository, repositoryText } = await import('../cartridge/repository.js');
  if (!values.flag('json')) return output.print(repositoryText(node));
  const installed = listRepository(node).flatMap(({ vendor, name, versions, cartridgeVersion }) =>
    versions.map((version) => ({ name, version, vendor, cartridge_version: cartridgeVersion })),
  );
  const aliases = [...listAliases(node)].map(([name, target]) => ({ name, alias_of: target }));
  output.print(`${JSON.stringify([...installed, ...aliases])}\n`);
}
