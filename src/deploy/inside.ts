/**
 * The gear seen from inside: what the `gear` program, already running as the gear in its confinement, may use. All of
 * it is the same code the node runs; `executeInGear` knows that there is nothing left to give up. Invariant: one
 * deployment at a time; a second waits for the first.
 */
import { executeInGear } from '../gear/execute.js';
import { gearEnvironment, type Variables } from '../gear/environment.js';
import { openGear, type Gear } from '../gear/gear.js';
import { withLock } from '../host/lock.js';
import { OoError } from '../native/error.js';
import { LockFile } from '../native/lock.js';
import { openNode, type Node } from '../node/node.js';
import { openApplication } from './application.js';
import { CodeSwap } from './code-swap.js';
import { Deployments } from './deployments.js';
import { Git } from './git.js';
import type { PushContext } from './push.js';
import { DEPLOY_LOCK, repositoryPath } from './repository.js';
import type { Voice } from './voice.js';
import { openWebProxy } from './web-proxy.js';

const LOCK_TIMEOUT = 600_000;

export interface Inside {
  readonly node: Node;
  readonly gear: Gear;
  readonly environment: Variables;
}

/** The gear this process runs in. */
export async function openInside(own: Readonly<Record<string, string | undefined>>): Promise<Inside> {
  const uuid = own['OPENSHIFT_GEAR_UUID'];
  if (uuid === undefined || own['OPENSHIFT_APP_UUID'] === undefined) {
    throw new OoError(
      'This command runs inside a gear: OPENSHIFT_APP_UUID and OPENSHIFT_GEAR_UUID are not set.',
      {
        code: 'ERR_NOT_IN_GEAR',
        exitCode: 254,
      },
    );
  }
  const node = await openNode();
  const gear = openGear(node, uuid);
  if (process.getuid?.() !== gear.uid) {
    throw new OoError(
      `This command runs as the gear itself, not as uid ${process.getuid?.()}. Nothing was done.`,
      {
        code: 'ERR_NOT_IN_GEAR',
        exitCode: 254,
        gear: gear.uuid,
      },
    );
  }
  return { node, gear, environment: gearEnvironment(node, gear) };
}

export function pushContext({ node, gear, environment }: Inside, voice: Voice): PushContext {
  const keep = Number(environment['OPENSHIFT_KEEP_DEPLOYMENTS']);
  return {
    environment,
    git: new Git((command) => executeInGear(node, gear, command), repositoryPath(gear)),
    code: new CodeSwap(gear.home),
    deployments: new Deployments(gear.home, Number.isInteger(keep) && keep >= 1 && keep <= 1000 ? keep : 1),
    application: openApplication(node, gear, voice),
    proxy: openWebProxy(node, gear, voice),
    say: voice.say,
  };
}

/** Runs `work` while no other deployment of this gear runs. */
export async function alone<T>({ gear }: Inside, voice: Voice, work: () => Promise<T>): Promise<T> {
  using lock = LockFile.open(`${gear.home}/${DEPLOY_LOCK}`);
  return await withLock(lock, 0n, work, {
    timeout: LOCK_TIMEOUT,
    onWait: () => voice.say('Another deployment of this application is running; waiting for it'),
    busy: () =>
      new OoError('Another deployment has been running for ten minutes. Nothing was done; try again later.', {
        code: 'ERR_DEPLOY_BUSY',
        exitCode: 255,
        gear: gear.uuid,
      }),
  });
}
