/** `gear`: the program of the gear itself, run as the gear by git's hooks, by ctl_all and by its owner over SSH. */
import type { CommandContext, CommandDefinition } from './definition.js';

const verbNames = [
  'prereceive',
  'postreceive',
  'build',
  'deploy',
  'deployments',
  'distribute',
  'start',
  'stop',
  'restart',
  'reload',
  'status',
] as const;

const options = [
  { long: 'cart', argument: 'CARTRIDGE', description: 'Only this cartridge; without it, all of the gear.' },
  { long: 'all-cartridges', description: 'All cartridges of the gear (the default).' },
  { long: 'hot-deploy', description: 'deploy: leave the application running.' },
  { long: 'force-clean-build', description: 'deploy: fetch all dependencies anew.' },
  { long: 'quiet', description: 'start, stop, restart: say only what goes wrong and what hooks say.' },
  { long: 'for-deployment', description: 'stop: only until new code is there; no stop of a user.' },
  { long: 'init', description: 'prereceive, postreceive: the first build of a gear.' },
  { long: 'trace', description: 'Show where an error came from.' },
] as const;

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function run({ values, output }: CommandContext): Promise<number> {
  const [name = '', ...rest] = values.positionals;
  const [ref] = rest;
  const [{ OoError }, { openInside }, { verbs }, { Voice }] = await Promise.all([
    import('../native/error.js'),
    import('../deploy/inside.js'),
    import('../deploy/gear-verbs.js'),
    import('../deploy/voice.js'),
  ]);
  const verb = verbs[name];
  if (verb === undefined) {
    throw new OoError(`gear does not know ${JSON.stringify(name)}; see gear --help.`, {
      code: 'ERR_USAGE',
      exitCode: 255,
    });
  }
  if (name !== 'distribute' && rest.length > 1) {
    throw new OoError(`There is no place for the argument ${JSON.stringify(rest[1])}; see gear --help.`, {
      code: 'ERR_USAGE',
      exitCode: 255,
    });
  }
  // A pusher who goes away does not end what has begun.
  process.on('SIGHUP', () => {});
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const voice = new Voice((text) => void process.stdout.write(text));
  try {
    await verb(
      await openInside(process.env),
      {
        cartridge: values.text('cart'),
        ref,
        gears: rest,
        quiet: values.flag('quiet'),
        forDeployment: values.flag('for-deployment'),
        hotDeploy: values.flag('hot-deploy'),
        forceCleanBuild: values.flag('force-clean-build'),
        init: values.flag('init'),
        pushed: standardInput,
      },
      voice,
    );
    return 0;
  } catch (error) {
    if (values.flag('trace') && error instanceof Error) output.complain(error.stack ?? error.message);
    if (error instanceof OoError && error.exitCode === 254) throw error;
    output.complain(error instanceof Error ? error.message : String(error));
    return 255;
  }
}

export const command: CommandDefinition = {
  name: 'gear',
  summary: 'Build, deploy, start and stop the application from inside its gear',
  description:
    'Runs as the gear. Git runs prereceive and postreceive for a push; the others are for people and scripts.',
  options,
  positionals: [
    { name: 'VERB', required: true, description: 'What to do.', choices: verbNames },
    {
      name: 'ARGUMENT',
      repeatable: true,
      description:
        'deploy: the branch, tag or commit; without it the branch that is deployed. distribute: the uuids of the gears ' +
        'that are to get the code; without them all of the application.',
    },
  ],
  exits: [
    [0, 'Done.'],
    [254, 'Not inside a gear.'],
    [255, 'Wrong usage, or it failed; the application runs its former code if that still starts.'],
  ],
  examples: [
    { text: 'Deploy the branch once more', command: 'gear deploy' },
    { text: 'Send the code to all other gears once more', command: 'gear distribute' },
    { text: 'Restart PHP alone', command: 'gear restart --cart php' },
  ],
  root: false,
  run,
};
