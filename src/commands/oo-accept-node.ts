/** `oo-accept-node`: is this machine fit to be a node? Each check that fails, with the command that mends it. */
import { existsSync } from 'node:fs';
import { errnoOf } from '../native/error.js';
import type { Finding } from '../node/finding.js';
import type { Check } from '../operations/acceptance.js';
import type { CommandContext, CommandDefinition } from './definition.js';

export const command: CommandDefinition = {
  name: 'oo-accept-node',
  summary: 'Check that this machine is fit to be a node',
  description:
    'Checks the configuration, names and addresses, the layers that REQUIRE_LAYERS of node.conf demands, folders with ' +
    "owner and mode, programs, the settings in force of the SSH server, control groups, units, the front door's map in " +
    'memory and on disk, the port proxy, the claims of public ports, the journal, and of every gear its account, home, ' +
    'confinement file, limits and processes; also what is left of gears that are not there.\n\n' +
    'Each failed check is one line with what is wrong and the command that mends it. Nothing is changed. A gear that ' +
    'an operation works on is left out.',
  options: [{ long: 'verbose', short: 'v', description: 'Name the checks that passed, too.' }],
  exits: [
    [0, 'PASS: every check passed.'],
    [1, 'FAIL and how many, or not root.'],
    [255, 'Wrong usage, or any other failure.'],
  ],
  examples: [{ text: 'After a set-up, and from a monitor', command: 'oo-accept-node --json' }],
  run: async (context) => {
    const [{ openNode }, { acceptNode }] = await Promise.all([
      import('../node/node.js'),
      import('../operations/acceptance.js'),
    ]);
    let checks: readonly Check[];
    try {
      const node = await openNode();
      checks = await acceptNode(node, (text) => context.output.progress(text));
    } catch (error) {
      if (errnoOf(error) !== 'ERR_CONFIG') throw error;
      checks = [{ name: 'configuration', failures: [unreadable(error as Error)] }];
    }
    return show(context, checks);
  },
};

/** Nothing else can be looked at by a configuration that cannot be read. */
function unreadable({ message }: Error): Finding {
  const [file = ''] = /^\/[^:]+/.exec(message) ?? [];
  return {
    layer: 'configuration',
    wrong: message.replace(/\.$/, ''),
    mend: existsSync(file) ? `vi ${file}` : 'oo-admin-node-setup',
  };
}

function show({ values, output }: CommandContext, checks: readonly Check[]): number {
  output.settle();
  const failures = checks.flatMap((check) => check.failures);
  const exitcode = failures.length === 0 ? 0 : 1;
  if (values.flag('json')) {
    output.print(`${JSON.stringify({ exitcode, failed: failures.length, checks })}\n`);
    return exitcode;
  }
  for (const check of checks) {
    if (check.failures.length === 0 && values.flag('verbose')) output.print(`ok: ${check.name}\n`);
    for (const { layer, wrong, mend } of check.failures)
      output.print(`FAIL: ${layer}: ${wrong.replaceAll('\n', ' ')}\n  mend: ${mend}\n`);
  }
  output.print(exitcode === 0 ? 'PASS\n' : `FAIL: ${failures.length}\n`);
  return exitcode;
}
