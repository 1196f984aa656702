/** `oo-admin-ctl-gears`: all gears of this node, or some: listed, started, stopped, asked, recovered. */
import type { Node } from '../node/node.js';
import { OoError } from '../native/error.js';
import type { CommandContext, CommandDefinition } from './definition.js';

const one = ['startgear', 'stopgear', 'restartgear', 'statusgear', 'forcestopgear', 'stoplockgear'] as const;
const all = ['startall', 'waited-startall', 'stopall', 'forcestopall', 'restartall', 'status'] as const;
const verbs = ['list', 'recover', ...one, ...all] as const;

export const command: CommandDefinition = {
  name: 'oo-admin-ctl-gears',
  summary: 'Control the gears of this node',
  description:
    'Starts, stops, restarts or shows gears, one line each with [ OK ] or [ FAILED ] and the reason. The verbs that end ' +
    'in "all" leave a gear alone that its user has stopped. recover ends what a killed process left half done, on the ' +
    'gears that are named or on all. startall is waited-startall: the command ends when the gears run.',
  options: [
    {
      long: 'message',
      short: 'm',
      argument: 'TEXT',
      description: 'Why the gear is stopped; stoplockgear needs it.',
    },
    {
      long: 'processes',
      short: 'n',
      argument: 'COUNT',
      description: 'How many gears at once; default one for each CPU.',
    },
  ],
  positionals: [
    { name: 'VERB', required: true, description: `One of ${verbs.join(', ')}.`, choices: verbs },
    { name: 'UUID', repeatable: true, description: 'Uuids of gears.', choices: 'gears' },
  ],
  exits: [
    [0, 'Done.'],
    [1, 'Not root.'],
    [254, 'It failed for at least one gear.'],
    [255, 'Wrong usage.'],
  ],
  examples: [
    { text: 'Stop one gear', command: 'oo-admin-ctl-gears stopgear cc9beb39785a45b9b97bdc6951fc8dbf' },
    { text: 'After a crash of the machine', command: 'oo-admin-ctl-gears recover' },
  ],
  run: async (context) => {
    const [verb = '', ...uuids] = context.values.positionals;
    if ((one as readonly string[]).includes(verb) && uuids.length === 0)
      throw usage(`${verb} needs the uuid of a gear`);
    if ((all as readonly string[]).includes(verb) && uuids.length > 0) throw usage(`${verb} takes no uuid`);
    if (verb === 'stoplockgear' && context.values.text('message') === undefined)
      throw usage(`${verb} needs --message`);
    if (context.values.text('message') !== undefined && !/^(force)?stop(lock)?gear$/.test(verb))
      throw usage(`${verb} takes no --message`);
    const [{ openNode }, { listGears }] = await Promise.all([
      import('../node/node.js'),
      import('../gear/gear.js'),
    ]);
    await import('../operations/all.js');
    const node = await openNode();
    if (verb === 'list') return list(listGears(node), context);
    if (verb === 'recover') return recover(node, uuids, context);
    return control(node, verb, uuids.length > 0 ? uuids : listGears(node), context);
  },
};

function usage(what: string): OoError {
  return new OoError(`${what}; see oo-admin-ctl-gears --help.`, { code: 'ERR_USAGE', exitCode: 255 });
}

function list(uuids: readonly string[], { values, output }: CommandContext): number {
  if (values.flag('json')) output.print(`${JSON.stringify(uuids)}\n`);
  else for (const uuid of uuids) output.print(`${uuid}\n`);
  return 0;
}

async function recover(
  node: Node,
  uuids: readonly string[],
  { values, output }: CommandContext,
): Promise<number> {
  const { recover: recoverGears } = await import('../operations/recover.js');
  const found = [];
  if (uuids.length === 0) found.push(...(await recoverGears(node)));
  else for (const uuid of uuids) found.push(...(await recoverGears(node, { uuid })));
  const failed = found.filter(({ error }) => error !== undefined);
  if (values.flag('json')) {
    output.print(
      `${JSON.stringify(found.map(({ gear, operation, outcome }) => ({ gear, operation, outcome })))}\n`,
    );
  } else {
    for (const { gear, operation, outcome, error } of found) {
      output.print(
        `${gear} ${operation}: ${outcome}${error === undefined ? '' : ` (${messageOf(error)})`}\n`,
      );
    }
  }
  return failed.length === 0 ? 0 : 254;
}

interface Verb {
  readonly words: string;
  act(node: Node, uuid: string): Promise<{ readonly output: string; readonly exitCode: number }>;
}

async function verbOf(verb: string, message: string | undefined): Promise<Verb> {
  const [{ startGear, restartGear }, { stopGear }] = await Promise.all([
    import('../operations/start.js'),
    import('../operations/stop.js'),
  ]);
  // Only what is said of one gear by name is a user's wish; a boot is not.
  const userInitiated = verb.endsWith('gear');
  const force = verb.startsWith('force');
  if (verb.startsWith('restart')) {
    return { words: 'Restarting gear', act: (node, uuid) => restartGear(node, { uuid, userInitiated }) };
  }
  if (verb.includes('start')) {
    return { words: 'Starting gear', act: (node, uuid) => startGear(node, { uuid, userInitiated }) };
  }
  const reason = message === undefined ? {} : { reason: message };
  return {
    words: 'Stopping gear',
    act: (node, uuid) => stopGear(node, { uuid, userInitiated, force, ...reason }),
  };
}

async function control(
  node: Node,
  verb: string,
  uuids: readonly string[],
  context: CommandContext,
): Promise<number> {
  const { values, output } = context;
  if (verb.startsWith('status')) return status(node, uuids, context);
  const { words, act } = await verbOf(verb, values.text('message'));
  const results: { uuid: string; exitCode: number; output: string }[] = [];
  const waiting = [...uuids];
  const worker = async (): Promise<void> => {
    for (let uuid = waiting.shift(); uuid !== undefined; uuid = waiting.shift()) {
      output.progress(`${words} ${uuid} (${results.length} of ${uuids.length} done)`);
      const result = await act(node, uuid).catch((error: unknown) => ({
        output: messageOf(error),
        exitCode: 1,
      }));
      results.push({ uuid, ...result });
      if (values.flag('json')) continue;
      output.settle();
      const failed = result.exitCode !== 0;
      output.print(
        `${words} ${uuid} ... [ ${failed ? 'FAILED' : 'OK'} ]\n${failed ? `  ${result.output.trim()}\n` : ''}`,
      );
    }
  };
  await Promise.all(Array.from({ length: await atOnce(values.text('processes')) }, worker));
  output.settle();
  if (values.flag('json')) output.print(`${JSON.stringify(results)}\n`);
  return results.every(({ exitCode }) => exitCode === 0) ? 0 : 254;
}

async function atOnce(given: string | undefined): Promise<number> {
  if (given !== undefined && !/^[1-9]\d{0,2}$/.test(given))
    throw usage('--processes is a number from 1 to 999');
  const { availableParallelism } = await import('node:os');
  return given === undefined ? availableParallelism() : Number(given);
}

async function status(
  node: Node,
  uuids: readonly string[],
  { values, output }: CommandContext,
): Promise<number> {
  const { gearStatus } = await import('../operations/status.js');
  const found: object[] = [];
  let failed = false;
  for (const uuid of uuids) {
    try {
      const gear = await gearStatus(node, { uuid });
      found.push(gear);
      if (values.flag('json')) continue;
      const heading = `Checking application ${gear.application} (${uuid}) status:\n${'-'.repeat(47)}\n`;
      const locked = gear.locked ? 'Gear is locked: its user has stopped it.\n' : '';
      const cartridges = gear.cartridges.map(({ name, output: said }) => `Cartridge: ${name} ...\n${said}`);
      output.print(`${heading}${locked}Gear state: ${gear.state}\n${cartridges.join('')}\n`);
    } catch (error) {
      failed = true;
      found.push({ uuid, error: messageOf(error) });
      output.complain(messageOf(error));
    }
  }
  if (values.flag('json')) output.print(`${JSON.stringify(found)}\n`);
  return failed ? 254 : 0;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
