/**
 * What the `gear` program does, verb by verb. Invariant: each verb runs as the gear and touches nothing but the gear.
 */
import { actOnCartridge, actOnGear, reloadCartridge, statusOf } from '../cartridge/gear-control.js';
import { listCartridges, openCartridge, type Cartridge } from '../cartridge/installed.js';
import { OoError } from '../native/error.js';
import { requirePrimary } from './application.js';
import { alone, pushContext, type Inside } from './inside.js';
import { deployCommit, selected } from './push.js';
import { deploymentBranch, type PushedRef } from './pushed-refs.js';
import { withoutPrefixes, type Voice } from './voice.js';
import { openWebProxy } from './web-proxy.js';

export interface VerbInput {
  readonly cartridge?: string | undefined;
  readonly ref?: string | undefined;
  /** Of `distribute`: the gears that are to get the code. */
  readonly gears?: readonly string[];
  /** Without a word about what is begun. */
  readonly quiet?: boolean;
  /** Of `stop`: it is no user's, and a node that comes up meanwhile starts the gear again. */
  readonly forDeployment?: boolean;
  readonly hotDeploy?: boolean;
  readonly forceCleanBuild?: boolean;
  /** The first build of a gear: no push told of it. */
  readonly init?: boolean;
  /** Standard input of a git hook. */
  readonly pushed?: () => Promise<string>;
}
export type Verb = (inside: Inside, input: VerbInput, voice: Voice) => Promise<void>;

/** What a git hook was told of, or, for the first build of a gear, the branch as it stands. */
async function asPushed(inside: Inside, input: VerbInput, voice: Voice): Promise<PushedRef | undefined> {
  if (input.init === true) return named(inside, { ref: undefined }, voice);
  return selected(inside.environment, (await input.pushed?.()) ?? '');
}

/** Git keeps the push only if this succeeds; it changes nothing. */
const prereceive: Verb = async (inside, input, voice) => {
  if ((await asPushed(inside, input, voice)) !== undefined) requirePrimary(inside.gear);
};

const postreceive: Verb = async (inside, input, voice) => {
  const pushed = await asPushed(inside, input, voice);
  if (pushed !== undefined)
    await alone(inside, voice, () => deployCommit(pushContext(inside, voice), pushed));
};

async function named(inside: Inside, input: VerbInput, voice: Voice): Promise<PushedRef> {
  const branch = input.ref ?? deploymentBranch(inside.environment);
  const commit = await pushContext(inside, voice).git.resolve(branch);
  if (commit !== undefined) return { branch, commit };
  throw new OoError(
    `The repository of ${inside.gear.appName} has no ${JSON.stringify(branch)}. Nothing was done.`,
    {
      code: 'ERR_NO_REF',
      exitCode: 255,
    },
  );
}

const deploy: Verb = (inside, input, voice) =>
  alone(inside, voice, async () => {
    const asked = {
      ...(input.hotDeploy === true ? { hotDeploy: true } : {}),
      ...(input.forceCleanBuild === true ? { forceCleanBuild: true } : {}),
    };
    await deployCommit(pushContext(inside, voice), await named(inside, input, voice), asked);
  });

/** The build steps alone, on the code as it stands. */
const build: Verb = (inside, _input, voice) =>
  alone(inside, voice, async () => {
    const { application } = pushContext(inside, voice);
    for (const verb of ['update-configuration', 'pre-build', 'build'] as const)
      await application.control(verb);
  });

function act(action: 'start' | 'stop' | 'restart', announced: string): Verb {
  return async ({ node, gear }, { cartridge, quiet, forDeployment }, voice) => {
    if (quiet !== true) voice.say(announced);
    const userInitiated = action !== 'stop' || forDeployment !== true;
    await voice.hear((onOutput) =>
      cartridge === undefined
        ? actOnGear(node, gear, action, { onOutput, userInitiated })
        : actOnCartridge(node, gear, openCartridge(gear, cartridge), action, { onOutput, userInitiated }),
    );
  };
}

function asked({ gear }: Inside, { cartridge }: VerbInput): readonly Cartridge[] {
  return cartridge === undefined ? listCartridges(gear) : [openCartridge(gear, cartridge)];
}

const reload: Verb = async (inside, input, voice) => {
  for (const cartridge of asked(inside, input)) {
    await voice.hear((onOutput) => reloadCartridge(inside.node, inside.gear, cartridge, { onOutput }));
  }
};

const status: Verb = async (inside, input, voice) => {
  for (const cartridge of asked(inside, input)) {
    const text = withoutPrefixes(await statusOf(inside.node, inside.gear, cartridge)).trimEnd();
    voice.say(`${cartridge.name}-${cartridge.version}: ${text}`);
  }
};

const deployments: Verb = async (inside, _input, voice) => {
  voice.say('Activation time - Deployment ID - Git Ref - Git SHA1');
  for (const record of [...pushContext(inside, voice).deployments.list()].reverse()) {
    const at = record.activations.at(-1);
    const time = at === undefined ? 'NEVER' : new Date(at * 1000).toISOString();
    voice.say(
      [time, record.id, record.git_ref, record.git_sha1].join(' - ') + (record.current ? ' - ACTIVE' : ''),
    );
  }
};

/** The code as it stands to the other gears of the application. */
const distribute: Verb = (inside, { gears }, voice) =>
  alone(inside, voice, async () => {
    const proxy = openWebProxy(inside.node, inside.gear, voice);
    if (proxy !== undefined) return proxy.distribute(gears);
    throw new OoError(
      `${inside.gear.appName} has no web proxy in this gear, so there are no gears to send its code to. Nothing was done.`,
      { code: 'ERR_NO_WEB_PROXY', exitCode: 255, gear: inside.gear.uuid },
    );
  });

export const verbs: Readonly<Record<string, Verb>> = {
  prereceive,
  postreceive,
  deploy,
  build,
  start: act('start', 'Starting gear...'),
  stop: act('stop', 'Stopping gear...'),
  restart: act('restart', 'Restarting gear...'),
  reload,
  status,
  deployments,
  distribute,
};
