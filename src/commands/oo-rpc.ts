/**
 * `oo-rpc`: one request as JSON in, one reply as JSON out. It takes what a bus would bring: the data of a request, or a
 * whole request with its sender, time and uniqid, keys with or without the `:` and `@` that Ruby shows them with.
 */
import { OoError } from '../native/error.js';
import type { CommandDefinition } from './definition.js';

export const command: CommandDefinition = {
  name: 'oo-rpc',
  summary: 'Carry out one request and print the reply',
  description:
    'Reads a request as JSON from standard input or a file, carries it out through the action table, and prints the ' +
    'reply as JSON: statuscode, statusmsg, output, exitcode, time and addtl_params.\n\n' +
    'ACTION is an action of the agent (cartridge_do, execute_parallel); any other name is an action of the dummy ' +
    'cartridge openshift-origin-node, and the JSON its arguments. A request that carries a uniqid and comes twice has ' +
    'its effect once.',
  options: [
    {
      long: 'file',
      short: 'f',
      argument: 'FILE',
      description: 'Read the request from FILE.',
      choices: 'files',
    },
    { long: 'compact', description: 'Write the reply on one line.' },
  ],
  positionals: [
    {
      name: 'ACTION',
      required: true,
      description: 'cartridge_do, execute_parallel, or an action of the dummy cartridge such as app-create.',
    },
  ],
  exits: [
    [0, 'The action succeeded.'],
    [1, 'Not root.'],
    [255, 'The request is not JSON, or not a request.'],
    [127, 'There is no such action.'],
  ],
  examples: [
    {
      text: 'Put PHP into a gear, as a broker asks for it',
      command:
        `echo '{"cartridge":"php-5.3","action":"configure","args":"'"'phpapp' 'demo' 'cc9beb39785a45b9b97bdc6951fc8dbf'"'"}' | ` +
        'oo-rpc cartridge_do',
    },
  ],
  run: async ({ values, output }) => {
    const action = values.positionals[0] ?? '';
    const { parseRequest } = await import('../actions/parse-request.js');
    const { data, meta } = parseRequest(action, await readText(values.text('file')));
    const [{ callAction, isAction }, { openNode }] = await Promise.all([
      import('../actions/call.js'),
      import('../node/node.js'),
    ]);
    const node = await openNode();
    const reply = isAction(action)
      ? await callAction(node, action, data, meta)
      : await callAction(
          node,
          'cartridge_do',
          { cartridge: 'openshift-origin-node', action, args: data },
          meta,
        );
    output.print(`${JSON.stringify(reply, null, values.flag('compact') ? undefined : 2)}\n`);
    return reply.exitcode & 255;
  },
};

async function readText(file: string | undefined): Promise<string> {
  if (file !== undefined) {
    const { readFile } = await import('node:fs/promises');
    try {
      return await readFile(file, 'utf8');
    } catch (cause) {
      throw new OoError(`${file} cannot be read. Nothing was done.`, {
        code: 'ERR_NO_FILE',
        exitCode: 255,
        cause,
      });
    }
  }
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
