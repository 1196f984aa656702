/**
 * A node that follows the seed while a broker speaks to it: a request that is the seed's next one is sent as it stands
 * in the seed, to the byte, id and time too; its log and its reply are compared to the letter. Any other request is a
 * step that the seed calls omitted: it is sent as the broker made it, and noted; one that the seed has shown before must
 * be answered as before. Invariant: nothing of the seed is sent
 * but in the seed's order; the one deviation are values that a reply of this run gave (the key of the proxy, the
 * password of the database), which stand in later requests in the place of the seed's.
 */
import { callAction } from '../../src/actions/call.js';
import type { ActionReply } from '../../src/actions/request.js';
import type { Node } from '../../src/node/node.js';
import { firstDifference, logPattern, outputPattern } from '../seed/expected.js';
import { actionsLog } from '../seed/seed-node.js';
import { scaledExchanges, seedText, withReplaced, type SeedExchange } from '../seed/seed-text.js';
import type { BrokerMeta, BrokerNode } from './broker/node.js';
import type { FinishedJob, Job } from './broker/requests.js';
import type { BrokerRequest } from './broker/sender.js';

export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly where?: string;
}

/** What a reply tells that later requests carry. */
const told: readonly RegExp[] = [/^APP_SSH_KEY_ADD: haproxy (\S+)$/m, /Root Password: (\S+)$/m];

export class SeedFollower implements BrokerNode {
  readonly identity: string;
  /** The steps that the seed leaves out, as `action gear...`, in the order of sending. */
  readonly omitted: string[] = [];
  readonly findings: Finding[] = [];
  readonly #node: Node;
  readonly #left: SeedExchange[];
  readonly #replacements = new Map<string, string>();
  /** What the seed has shown of requests that may come again, by their data. */
  readonly #shown = new Map<string, SeedExchange>();
  #current: SeedExchange | undefined;

  constructor(node: Node) {
    this.#node = node;
    this.identity = node.config.publicHostname;
    this.#left = [...scaledExchanges(seedText())];
  }

  /** The requests of the seed that were not sent yet. */
  get left(): readonly string[] {
    return this.#left.map(({ request }) => describe(request));
  }

  /** For the broker's `outgoing`. */
  readonly replace = (request: BrokerRequest): BrokerRequest => {
    const [next] = this.#left;
    const due = next === undefined ? undefined : withReplaced(next, this.#replacements);
    if (due?.request.action !== request.action || !same(due.request.data, request.data)) {
      this.#current = undefined;
      this.omitted.push(describe(request));
      return request;
    }
    this.#left.shift();
    this.#current = due;
    const { action, data, ...meta } = due.request;
    return { action, data, meta };
  };

  async call(action: string, data: unknown, meta: BrokerMeta): Promise<ActionReply> {
    const start = actionsLog().length;
    const reply = await callAction(this.#node, action, data, meta);
    const log = actionsLog().slice(start);
    const exchange = this.#current;
    if (exchange === undefined) {
      const before = this.#shown.get(JSON.stringify(data));
      if (before !== undefined) {
        this.#compare(`${describe(before.request)} as before`, textOf(reply), outputPattern(again(before)));
      }
      return reply;
    }
    this.#shown.set(JSON.stringify(data), exchange);
    this.#learn(exchange, reply);
    const what = describe(exchange.request);
    this.#compare(`the log of ${what}`, log, logPattern(exchange));
    if (exchange.output !== undefined) {
      this.#compare(`the reply of ${what}`, textOf(reply), outputPattern(exchange));
    }
    if (Array.isArray(reply.output)) {
      const jobs = data as Readonly<Record<string, readonly Job[]>>;
      const wanted = (jobs[this.identity] ?? []).map((job) => ({
        ...{ ...job, result_exit_code: 0, result_stderr: '' },
        result_stdout: exchange.output === undefined ? '' : textOf(reply),
      }));
      this.findings.push({ what: `the jobs of ${what}`, ok: same(sorted(reply.output), sorted(wanted)) });
    }
    return reply;
  }

  #compare(what: string, text: string, pattern: RegExp): void {
    const ok = pattern.test(text);
    this.findings.push({ what, ok, ...(ok ? {} : { where: firstDifference(text, pattern) }) });
  }

  #learn(exchange: SeedExchange, reply: ActionReply): void {
    for (const pattern of told) {
      const seeds = pattern.exec(exchange.output ?? '')?.[1];
      const ours = pattern.exec(textOf(reply))?.[1];
      if (seeds !== undefined && ours !== undefined) this.#replacements.set(seeds, ours);
    }
  }
}

/** The same request another time: a gear that has the code gets none again, the reload is all that is told. */
function again(exchange: SeedExchange): SeedExchange {
  const { output } = exchange;
  return output?.startsWith('SSH_CMD: ') === true
    ? { ...exchange, output: `${output.trimEnd().split('\n').at(-1)} \n` }
    : exchange;
}

/** Equal, the order of keys too: what is sent are bytes. */
function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function sorted(jobs: readonly object[]): readonly unknown[] {
  return jobs.map((job) => Object.entries(job).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function textOf({ output }: ActionReply): string {
  if (!Array.isArray(output)) return String(output);
  return (output as readonly FinishedJob[]).map(({ result_stdout }) => String(result_stdout)).join('');
}

/** `set-proxy 16f54529`, `configure php-5.3 sphpapp`: what a request is for, for people. */
export function describe({ data }: { readonly data: Readonly<Record<string, unknown>> }): string {
  if (typeof data['action'] === 'string') {
    const args = data['args'];
    if (typeof args !== 'string') {
      return `${data['action']} ${(args as Readonly<Record<string, string>>)['--with-container-name'] ?? ''}`;
    }
    return `${data['action']} ${String(data['cartridge'])} ${args.split(' ')[0]?.replaceAll("'", '') ?? ''}`;
  }
  const jobs = Object.values(data).filter(Array.isArray).flat() as readonly Job[];
  const [first] = jobs;
  const args = (first?.job.args ?? {}) as Readonly<Record<string, string>>;
  const gears = jobs.map(({ gear }) => gear.slice(0, 10)).join(' ');
  return `${args['--hook-name'] ?? first?.job.action ?? 'nothing'} ${gears}`;
}
