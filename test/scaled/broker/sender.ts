/**
 * Sends requests as a broker does, and keeps what was said. One request goes to every node it concerns, whole, and each
 * node takes its own jobs. Invariant: a reply that is a failure, or that has not the jobs that were asked for, is a
 * `BrokerError` that names the request, the gear and what the node said.
 */
import { randomBytes } from 'node:crypto';
import type { ActionReply } from '../../../src/actions/request.js';
import type { BrokerMeta, BrokerNode } from './node.js';
import type { FinishedJob, GearJob, Job } from './requests.js';

export interface BrokerRequest {
  readonly action: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly meta: BrokerMeta;
}

export interface Sent {
  readonly request: BrokerRequest;
  /** By the node's identity; filled as they come. */
  readonly replies: Map<string, ActionReply>;
  readonly start: number;
  milliseconds: number;
}

export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly sent: Sent;

  constructor(message: string, sent: Sent) {
    super(message);
    this.sent = sent;
  }
}

export class Sender {
  readonly sent: Sent[] = [];
  readonly #sender: string;
  readonly #outgoing: (request: BrokerRequest) => BrokerRequest;

  constructor(sender: string, outgoing: (request: BrokerRequest) => BrokerRequest = (request) => request) {
    this.#sender = sender;
    this.#outgoing = outgoing;
  }

  async send(
    action: string,
    data: Readonly<Record<string, unknown>>,
    nodes: readonly BrokerNode[],
  ): Promise<Sent> {
    const request = this.#outgoing({ action, data, meta: this.#meta() });
    const start = performance.now();
    const sent: Sent = { request, replies: new Map(), start, milliseconds: 0 };
    this.sent.push(sent);
    await Promise.all(
      nodes.map(async (node) => {
        sent.replies.set(node.identity, await node.call(request.action, request.data, request.meta));
      }),
    );
    sent.milliseconds = performance.now() - start;
    for (const [identity, reply] of sent.replies) {
      if (reply.exitcode === 0 && reply.statuscode === 0) continue;
      const what = `${String(data['cartridge'] ?? '')} ${String(data['action'] ?? action)}`.trim();
      const said = `${reply.statusmsg}\n${String(reply.output)}`;
      throw new BrokerError(`${what} on ${identity} failed (${reply.exitcode}): ${said}`, sent);
    }
    return sent;
  }

  async sendJobs(
    byNode: ReadonlyMap<BrokerNode, readonly Job[]>,
    jobs: readonly GearJob[],
  ): Promise<readonly FinishedJob[]> {
    const lists = [...byNode].map(([node, list]): [string, unknown] => [node.identity, list]);
    const data = { ...Object.fromEntries(lists), process_results: true };
    const sent = await this.send('execute_parallel', data, [...byNode.keys()]);
    const left = new Map([...sent.replies].map(([who, { output }]) => [who, [...(output as FinishedJob[])]]));
    const finished = jobs.map(({ node, job }) => {
      const done = left.get(node.identity)?.shift();
      if (done?.gear !== job.gear) throw new BrokerError(`${node.identity} lost a job of ${job.gear}`, sent);
      return done;
    });
    const failed = finished.filter((done) => done.result_exit_code !== 0);
    if (failed.length > 0) throw new BrokerError(failed.map(failure).join('\n'), sent);
    return finished;
  }

  #meta(): BrokerMeta {
    return {
      agent: 'openshift',
      caller: 'uid=48',
      sender: this.#sender,
      time: Math.floor(Date.now() / 1000),
      uniqid: randomBytes(16).toString('hex'),
    };
  }
}

function failure({ job, gear, result_exit_code, result_stdout }: FinishedJob): string {
  const hook = (job.args as Readonly<Record<string, unknown>> | null)?.['--hook-name'];
  const what = typeof hook === 'string' ? `${job.action} ${hook}` : job.action;
  return `${what} of gear ${gear} failed (${result_exit_code}): ${String(result_stdout)}`;
}
