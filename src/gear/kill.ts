/**
 * The last resort after a gear's group has been killed: processes of its uid that some program of the machine
 * started outside of that group (`su`, a batch job). The kernel finds them itself: `kill -1` by a process of
 * that uid reaches them all, so the node need not read the table of all processes. Invariant: nothing but
 * that uid can be hit.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { effect } from '../native/effect.js';
import { NativeError, OoError } from '../native/error.js';
import { run, type Confinement } from '../native/launch.js';
import type { Node } from '../node/node.js';
import { ensureLimits } from './limits.js';
import { gearConfinement } from './confinement.js';

/** Between looks at what was signalled, in milliseconds: a process needs a moment to die. */
const PAUSES = [1, 2, 5, 10, 20, 50, 100, 200, 400] as const;

export async function killStrays(node: Node, uuid: string, uid: number): Promise<void> {
  await ensureLimits(node, uuid);
  if (!(await straysLeft(node, uuid, uid))) return;
  effect('process.kill', `uid ${uid}`);
  for (const pause of PAUSES) {
    await runAs(node, uuid, uid, ['/usr/bin/kill', '-KILL', '--', '-1'], {});
    if (!(await straysLeft(node, uuid, uid))) return;
    await sleep(pause);
  }
  // What is left after that is a zombie whose parent does not look after it, or stuck in the kernel.
}

/**
 * Whether any process has the uid, without a look at all processes: with no process allowed to its user, a program is
 * started all the same if it is the first one, and refused while there is another.
 */
async function straysLeft(node: Node, uuid: string, uid: number): Promise<boolean> {
  try {
    await runAs(node, uuid, uid, ['/usr/bin/true'], { nproc: { soft: 0, hard: 0 } });
    return false;
  } catch (error) {
    if (error instanceof NativeError && error.step === 'exec' && error.code === 'EAGAIN') return true;
    throw new OoError(
      `It could not be seen whether gear ${uuid} has processes outside of its group; look for them by its uid ${uid}.`,
      { code: 'ERR_KILL', gear: uuid, cause: error },
    );
  }
}

async function runAs(
  node: Node,
  uuid: string,
  uid: number,
  argv: readonly [string, ...string[]],
  limits: Confinement['rlimits'],
): Promise<void> {
  const confinement = gearConfinement(node, { uuid, uid, gid: uid });
  await run({
    file: argv[0],
    argv,
    env: {},
    cwd: '/',
    deadline: 10_000,
    // Landlock would keep the signal inside its own domain, and the home may be half gone: neither is needed here.
    confinement: {
      ...confinement,
      rlimits: { ...confinement.rlimits, ...limits },
      landlock: undefined,
      mounts: [],
      label: undefined,
    },
  });
}
