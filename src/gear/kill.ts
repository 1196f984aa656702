/**
 * The last resort after a gear's group has been killed: processes of its uid that some program of the machine
 * started outside of that group (`su`, a batch job). The kernel finds them itself: `kill -1` by a process of
 * that uid reaches them all, so the node need not read the table of all processes. Invariant: nothing but
 * that uid can be hit.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { effect } from '../native/effect.js';
import { OoError } from '../native/error.js';
import { run } from '../native/launch.js';
import type { Node } from '../node/node.js';
import { ensureLimits } from './limits.js';
import { gearConfinement } from './confinement.js';

/** Looks again at what was signalled, in milliseconds: a process needs a moment to die. */
const PAUSES = [2, 5, 10, 20, 50, 100, 200, 400] as const;

export async function killStrays(node: Node, uuid: string, uid: number): Promise<void> {
  await ensureLimits(node, uuid);
  for (const pause of PAUSES) {
    if (!(await signalStrays(node, uuid, uid))) return;
    await sleep(pause);
  }
  // What is left after that is a zombie whose parent does not look after it, or stuck in the kernel.
}

/** Whether there was anybody to signal. */
async function signalStrays(node: Node, uuid: string, uid: number): Promise<boolean> {
  effect('process.kill', `uid ${uid}`);
  const result = await run({
    file: '/usr/bin/kill',
    argv: ['kill', '-KILL', '--', '-1'],
    env: {},
    cwd: '/',
    stderr: 'merge',
    deadline: 10_000,
    // Landlock would keep the signal inside its own domain, and the home may be half gone: neither is needed
    // here.
    confinement: {
      ...gearConfinement(node, { uuid, uid, gid: uid }),
      landlock: undefined,
      mounts: [],
      label: undefined,
    },
  });
  if (result.exitCode === 0) return true;
  if (result.exitCode === 1) return false; // there was nobody to signal
  throw new OoError(
    `The processes of gear ${uuid} outside of its group could not be killed (${result.stdout.toString('utf8').trim()}).`,
    { code: 'ERR_KILL', gear: uuid },
  );
}
