/**
 * A push, from the two hooks' point of view. Before the objects are kept: is this push one that may be deployed? After:
 * build and deploy it, with every step told to the pusher, and with the former code and the application back where
 * they were when a step before the new start fails. Invariant: a push that is refused has changed nothing; a push that
 * fails has ended in a running application whenever its former code still starts.
 */
import { OoError } from '../native/error.js';
import type { Git } from './git.js';
import { readMarkers, type Markers } from './markers.js';
import { deploymentBranch, pushedRef, type PushedRef } from './pushed-refs.js';
import type { CodeSwap } from './code-swap.js';
import type { Deployments } from './deployments.js';
import type { WebProxy } from './web-proxy.js';

/** The verbs a build passes through; each may have an action hook of the tenant's of the same name. */
export type BuildVerb = 'update-configuration' | 'pre-build' | 'build' | 'deploy' | 'post-deploy';

/** The application's primary cartridge, as a push needs it. What it prints goes to the pusher as it comes. */
export interface Application {
  readonly name: string;
  readonly primary: string;
  control(verb: BuildVerb): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  setState(state: 'building' | 'deploying' | 'started' | 'stopped'): void;
  /** Empty the directories that fetched dependencies are kept in. */
  cleanDependencies(): Promise<void>;
}

export interface PushContext {
  readonly environment: Readonly<Record<string, string>>;
  readonly git: Git;
  readonly code: Pick<CodeSwap, 'prepare' | 'index' | 'enter' | 'goBack' | 'finish'>;
  readonly deployments: Pick<Deployments, 'begin' | 'activate' | 'abandon' | 'list'>;
  readonly application: Application;
  /** Of the head gear of a scaled application. */
  readonly proxy?: WebProxy | undefined;
  /** Write one line to the pusher. */
  say(line: string): void;
}

export interface Deployment extends PushedRef, Markers {
  /** As it is shown. */
  readonly shortId: string;
}

const RULE = '-------------------------';

/** What of the push is to be deployed, or undefined: then it is only kept. */
export function selected(
  environment: Readonly<Record<string, string>>,
  input: string,
): PushedRef | undefined {
  if (environment['OPENSHIFT_DEPLOYMENT_TYPE'] === 'binary') {
    throw new OoError(
      'This application takes binary deployments only: a push cannot be deployed. Nothing was changed.',
      {
        code: 'ERR_BINARY_DEPLOYMENT',
        exitCode: 255,
      },
    );
  }
  const pushed = pushedRef(input, deploymentBranch(environment));
  return environment['OPENSHIFT_AUTO_DEPLOY'] === 'false' ? undefined : pushed;
}

/** Build and deploy a commit of the repository. Rejects after the application has been brought back. */
export async function deployCommit(
  context: PushContext,
  pushed: PushedRef,
  asked: Partial<Markers> = {},
): Promise<void> {
  const { git, code, say } = context;
  const markers = await readMarkers(git, pushed.commit);
  const deployment: Deployment = {
    ...pushed,
    hotDeploy: asked.hotDeploy ?? markers.hotDeploy,
    forceCleanBuild: asked.forceCleanBuild ?? markers.forceCleanBuild,
    shortId: pushed.commit.slice(0, 7),
  };
  let record: string | undefined;
  try {
    const coming = await code.prepare();
    await git.checkOut(pushed.commit, coming, code.index);
    record = await context.deployments.begin(deployment);
    await buildAndStart(context, deployment);
  } catch (error) {
    if (record !== undefined) await context.deployments.abandon(record).catch(() => {});
    await code.finish().catch(() => {});
    tellFailure(say);
    throw error;
  }
  await code.finish();
  say(`Deployment id is ${await context.deployments.activate(record)}`);
  // The new code runs and stays, whatever its last hook and other gears say; and they get it whatever the hook says.
  const late = [() => context.application.control('post-deploy'), () => context.proxy?.distribute()];
  const failures: unknown[] = [];
  for (const step of late) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    tellFailure(say);
    throw failures.length === 1 ? failures[0] : bothFailed(failures);
  }
  say(RULE);
  say('Git Post-Receive Result: success');
  say('Activation status: success');
  say('Deployment completed with status: success');
}

function tellFailure(say: PushContext['say']): void {
  say(RULE);
  say('Git Post-Receive Result: failure');
  say('Deployment completed with status: failure');
}

function bothFailed(failures: readonly unknown[]): OoError {
  const said = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)));
  return new OoError(said.join('\n'), { code: 'ERR_AFTER_START', exitCode: 255, cause: failures[0] });
}

async function buildAndStart(context: PushContext, deployment: Deployment): Promise<void> {
  const { application, code, proxy, say } = context;
  const hot = deployment.hotDeploy;
  let entered = false;
  try {
    if (hot) say(`Not stopping cartridge ${application.primary} because hot deploy is enabled`);
    else {
      await proxy?.takeOut();
      say(`Stopping ${application.primary} cartridge`);
      await application.stop();
    }
    application.setState('building');
    if (deployment.forceCleanBuild) {
      say('Force clean build enabled - cleaning dependencies');
      await application.cleanDependencies();
    }
    code.enter();
    entered = true;
    say(`Building git ref '${deployment.branch}', commit ${deployment.shortId}`);
    for (const verb of ['update-configuration', 'pre-build', 'build'] as const)
      await application.control(verb);
    say('Activating deployment');
    application.setState('deploying');
    await application.control('deploy');
    if (hot) {
      say(`Not starting cartridge ${application.primary} because hot deploy is enabled`);
      application.setState('started');
    } else {
      say(`Starting ${application.primary} cartridge`);
      await application.start();
      await proxy?.putIn();
    }
  } catch (error) {
    await bringBack(context, hot, entered);
    throw error;
  }
}

async function bringBack(
  { application, code, proxy, say }: PushContext,
  hot: boolean,
  entered: boolean,
): Promise<void> {
  say('The new code was not deployed; the former code is brought back.');
  try {
    if (!hot) await application.stop();
    if (entered) await code.goBack();
    if (hot) application.setState('started');
    else {
      say(`Starting ${application.primary} cartridge`);
      await application.start();
      await proxy?.putIn();
    }
  } catch (error) {
    say(`The former code could not be started: ${(error as Error).message}`);
  }
}
