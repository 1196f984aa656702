/** `oo-admin-gear`: one gear, explained: which of its layers hold now, and what mends those that do not. */
import { OoError } from '../native/error.js';
import type { CommandDefinition } from './definition.js';

const verbs = ['explain'] as const;

export const command: CommandDefinition = {
  name: 'oo-admin-gear',
  summary: 'Explain a gear: which layers hold now, and what is missing',
  description:
    'Shows one gear as the kernel has it now: account, home, control group with limits beside use, share of the disk, ' +
    'each process with its uid, capabilities, label, seccomp filter, group and mounts, addresses, public ports (claim ' +
    "file beside kernel rule), names at the front door (file beside HAProxy's memory), and keys. What is missing is " +
    'named with the command that mends it.\n\n' +
    'Everything is read back; nothing is taken from the configuration alone. The kernel does not tell of a ' +
    "process's Landlock rules: of them only what was asked for at launch can be said. Nothing is changed.",
  options: [],
  positionals: [
    { name: 'VERB', required: true, description: `One of ${verbs.join(', ')}.`, choices: verbs },
    { name: 'UUID', required: true, description: 'Uuid of the gear.', choices: 'gears' },
  ],
  exits: [
    [0, 'Every layer of the gear holds.'],
    [1, 'Something is missing, or there is no such gear, or not root.'],
    [255, 'Wrong usage.'],
  ],
  examples: [
    {
      text: 'What holds this gear?',
      command: 'oo-admin-gear explain cc9beb39785a45b9b97bdc6951fc8dbf',
    },
  ],
  run: async ({ values, output }) => {
    const [, uuid = ''] = values.positionals;
    if (uuid === '') {
      throw new OoError('explain needs the uuid of a gear; see oo-admin-gear --help. Nothing was done.', {
        code: 'ERR_USAGE',
        exitCode: 255,
      });
    }
    const [{ openNode }, { explainGear }, { gearReportText }] = await Promise.all([
      import('../node/node.js'),
      import('../operations/explain.js'),
      import('./gear-report.js'),
    ]);
    const report = await explainGear(await openNode(), { uuid });
    const exitcode = report.missing.length === 0 ? 0 : 1;
    output.print(
      values.flag('json') ? `${JSON.stringify({ exitcode, ...report })}\n` : gearReportText(report),
    );
    return exitcode;
  },
};
