/**
 * The options that several commands share, and the call that most of them are: one action of the dummy cartridge with
 * the given options as its arguments. Invariant: an option that was not given is not sent.
 */
import type { ActionReply } from '../actions/request.js';
import type { CommandContext, OptionDefinition } from './definition.js';

export const appUuid: OptionDefinition = {
  long: 'with-app-uuid',
  short: 'a',
  argument: 'UUID',
  description: 'Uuid of the application; default the uuid of the gear.',
};
export const containerUuid: OptionDefinition = {
  long: 'with-container-uuid',
  short: 'c',
  argument: 'UUID',
  required: true,
  description: 'Uuid of the gear.',
  choices: 'gears',
};
export const appName: OptionDefinition = {
  long: 'with-app-name',
  argument: 'NAME',
  description: 'Name of the application: 1 to 32 letters and digits.',
};
export const containerName: OptionDefinition = {
  long: 'with-container-name',
  argument: 'NAME',
  description: 'Name of the gear; default the name of the application.',
};
export const namespace: OptionDefinition = {
  long: 'with-namespace',
  argument: 'NAMESPACE',
  description: 'Namespace of the owner: 1 to 16 letters and digits.',
};
/** What older callers pass to every command. */
export const callerOptions: readonly OptionDefinition[] = [
  { long: 'porcelain', short: 'q', description: 'Write for programs.' },
  { long: 'dry-run', short: 'n', description: 'Check the request, say so, and change nothing.' },
];

/** Of the commands that expose and conceal. */
export const endpointOptions: readonly OptionDefinition[] = [
  appUuid,
  containerUuid,
  {
    long: 'cart-name',
    short: 'n',
    argument: 'CARTRIDGE',
    required: true,
    description: 'The cartridge in that gear.',
  },
  { long: 'dry-run', description: 'Check the request, say so, and change nothing.' },
];

export const keyExits: readonly (readonly [number, string])[] = [
  [0, 'Done.'],
  [1, 'There is no such gear, or not root.'],
  [255, 'Wrong usage, or any other failure.'],
];

/** Every `--with-...` option that was given, as the arguments of an action. */
export function givenArguments(
  { values }: CommandContext,
  options: readonly OptionDefinition[],
): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const { long, argument } of options) {
    if (['porcelain', 'dry-run', 'json', 'debug', 'help'].includes(long)) continue;
    const value = argument === undefined ? values.flag(long) || undefined : values.text(long);
    if (value !== undefined) given[`--${long}`] = value;
  }
  return given;
}

/** Calls an action of the dummy cartridge, shows its reply and gives its exit code. */
export async function callNodeAction(
  context: CommandContext,
  action: string,
  args: Readonly<Record<string, unknown>>,
): Promise<number> {
  return callCartridgeDo(context, { cartridge: 'openshift-origin-node', action, args });
}

export async function callCartridgeDo(
  context: CommandContext,
  data: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { callAction, checkRequest } = await import('../actions/call.js');
  if (context.values.flag('dry-run')) {
    checkRequest('cartridge_do', data);
    context.output.print('The request is valid. Nothing was done.\n');
    return 0;
  }
  const { openNode } = await import('../node/node.js');
  return show(context, await callAction(await openNode(), 'cartridge_do', data));
}

/** Calls an action on the public ports of a cartridge. */
export function callEndpointAction(context: CommandContext, action: string): Promise<number> {
  const cartridge = context.values.text('cart-name') ?? '';
  const args = {
    '--with-container-uuid': context.values.text('with-container-uuid'),
    '--cart-name': cartridge,
  };
  return callCartridgeDo(context, { cartridge, action, args });
}

/** The reply as JSON, or its output: on standard output when all went well, else as a complaint. */
export function show({ values, output }: CommandContext, data: ActionReply): number {
  output.settle();
  if (values.flag('json')) {
    output.print(`${JSON.stringify(data)}\n`);
    return data.exitcode;
  }
  const text = typeof data.output === 'string' ? data.output : `${JSON.stringify(data.output)}\n`;
  if (data.exitcode === 0) output.print(text);
  else if (text.trim() !== '') output.complain(text.replace(/\n$/, ''));
  return data.exitcode;
}
