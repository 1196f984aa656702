/**
 * A node with many gears that all have the `unruly` cartridge, whose hooks do what no hook should, and what tells how
 * it went: the jobs of one execute_parallel, what each came back with, what is left running of a gear.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { callAction } from '../../src/actions/call.js';
import { installCartridge } from '../../src/cartridge/repository.js';
import { openGear } from '../../src/gear/gear.js';
import type { Node } from '../../src/node/node.js';
import { createGear } from '../../src/operations/create.js';
import { runCartridgeAction } from '../../src/operations/cartridge-action.js';
import { hostNode } from '../operations/host-node.js';

const IDENTITY = 'broker.test.example.com';
export const DUMMY = 'openshift-origin-node';
export const HOOK_SECONDS = 5;
export const MOST_PROCESSES = 60;
const repository = fileURLToPath(new URL('../../../', import.meta.url));

export const gears: readonly string[] = Array.from({ length: 20 }, (_, at) => `${10 + at}`.padEnd(32, 'e'));

export async function unrulyNode(): Promise<Node> {
  const node = await hostNode({
    // The kernel counts a user's processes on the whole machine: uids that no other test beside this one has.
    firstUid: 5200,
    config: [`PUBLIC_HOSTNAME=${IDENTITY}`, `HOOK_TIMEOUT=${HOOK_SECONDS}`],
    limits: [`limits_nproc=${MOST_PROCESSES}`, 'cpu_cfs_quota_us=50000'],
  });
  mkdirSync(`${node.config.libexecDir}/cartridges`, { recursive: true, mode: 0o755 });
  cpSync(`${repository}cartridges/sdk`, `${node.config.libexecDir}/cartridges/sdk`, { recursive: true });
  writeFileSync(node.paths.routesMap, '', { mode: 0o640 });
  mkdirSync(node.paths.cartridgeRepository, { mode: 0o755 });
  await installCartridge(node, `${repository}test/scaled/fixtures/unruly`);
  for (const uuid of gears) {
    await createGear(node, { uuid, appName: 'unruly', namespace: 'ns' });
    const { exitCode, output } = await runCartridgeAction(node, {
      uuid,
      cartridge: 'unruly',
      action: 'configure',
    });
    if (exitCode !== 0) throw new Error(output);
  }
  return node;
}

export interface Job {
  readonly [field: string]: unknown;
}

export interface DoneJob extends Job {
  readonly result_exit_code: number;
  readonly result_stdout: string;
  readonly result_stderr: string;
}

export function job(gear: unknown, inner: unknown): Job {
  return { tag: '', job: inner, result_exit_code: '', gear, result_stdout: '', result_stderr: '' };
}

/** A connector of the unruly cartridge; `words` is the text behind name, namespace and uuid. */
export function connector(
  gear: string,
  hook: string,
  words = '',
  more: Readonly<Record<string, unknown>> = {},
): Job {
  const args = {
    '--hook-name': hook,
    '--input-args': `unruly ns ${gear}${words === '' ? '' : ` ${words}`}`,
    '--cart-name': 'unruly-1.0',
    '--gear-uuid': gear,
    ...more,
  };
  return job(gear, { args, cartridge: DUMMY, action: 'connector-execute' });
}

export async function parallel(node: Node, jobs: readonly Job[]): Promise<readonly DoneJob[]> {
  const reply = await callAction(node, 'execute_parallel', { [IDENTITY]: jobs, process_results: true });
  if (reply.exitcode !== 0 || reply.statuscode !== 0) throw new Error(JSON.stringify(reply));
  return reply.output as readonly DoneJob[];
}

/** The job as it comes back: as it went, with its three results. */
export function done(asked: Job, exitCode: number, stdout: string, stderr = ''): Job {
  return { ...asked, result_exit_code: exitCode, result_stdout: stdout, result_stderr: stderr };
}

/** What the node says of a job that it refused: in both streams. */
export function refused(asked: Job, exitCode: number, text: string): Job {
  return done(asked, exitCode, text, text);
}

/** What runs with the uid of a gear, wherever it is. A process that has ended and is not yet waited for does not run. */
export function processesOf(node: Node, uuid: string): readonly number[] {
  const { uid } = openGear(node, uuid);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => statSync(`/proc/${name}`, { throwIfNoEntry: false })?.uid === uid)
    .filter((name) => !/^\d+ \(.*\) [ZX] /s.test(statOf(name)))
    .map(Number);
}

function statOf(name: string): string {
  try {
    return readFileSync(`/proc/${name}/stat`, 'latin1');
  } catch {
    return `${name} (gone) X `;
  }
}
