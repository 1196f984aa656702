/** The data of requests, with the fields and the order of fields that the seed's have. */
import type { Application, BrokerGear } from './application.js';
import type { BrokerNode } from './node.js';

export interface Job {
  readonly tag: string;
  readonly job: { readonly args: unknown; readonly cartridge: string; readonly action: string };
  readonly result_exit_code: unknown;
  readonly gear: string;
  readonly result_stdout: unknown;
  readonly result_stderr: unknown;
}

export interface FinishedJob extends Job {
  readonly result_exit_code: number;
}

export interface GearJob {
  readonly node: BrokerNode;
  readonly job: Job;
}

/** The five arguments of nearly every request that concerns a gear. */
export function gearArguments(app: Application, gear: BrokerGear): Readonly<Record<string, string>> {
  return {
    '--with-container-name': gear.name,
    '--with-app-name': app.name,
    '--with-container-uuid': gear.uuid,
    '--with-app-uuid': app.uuid,
    '--with-namespace': app.namespace,
  };
}

/** The arguments of a cartridge's action, by position. */
export function hookArguments(app: Application, gear: BrokerGear): string {
  return `'${gear.name}' '${app.namespace}' '${gear.uuid}'`;
}

export function parallelJob(gear: string, cartridge: string, action: string, args: unknown): Job {
  return {
    tag: '',
    job: { args, cartridge, action },
    result_exit_code: '',
    gear,
    result_stdout: '',
    result_stderr: '',
  };
}

/** Each node's jobs, in the order of the list. */
export function jobsByNode(jobs: readonly GearJob[]): ReadonlyMap<BrokerNode, readonly Job[]> {
  const split = new Map<BrokerNode, Job[]>();
  for (const { node, job } of jobs) {
    const known = split.get(node);
    if (known === undefined) split.set(node, [job]);
    else known.push(job);
  }
  return split;
}
