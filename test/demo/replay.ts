// Inside the demo's host: sends the seed's requests of the simple application, each as it stands in the text, through
// the action table, and says of each what it was, how long it took and what came back, one JSON line each.
// `replay.js create KEY-TYPE KEY` sends those up to the destroy and adds one more key, the visitor's; `replay.js destroy`
// sends the destroy.
import { randomBytes } from 'node:crypto';
import { callAction } from '../../src/actions/call.js';
import type { ActionReply } from '../../src/actions/request.js';
import { openNode } from '../../src/node/node.js';
import { exchanges, seedText, simplePart } from '../seed/seed-text.js';
import type { SeedRequest } from '../seed/seed-text.js';

export interface Replayed {
  readonly title: string;
  readonly milliseconds: number;
  readonly exitCode: number;
  readonly output: string;
}
interface Job {
  readonly job: {
    readonly action: string;
    readonly cartridge: string;
    readonly args: Record<string, string>;
  };
}

const [order, keyType, key] = process.argv.slice(2);
const requests = exchanges(simplePart(seedText())).map(({ request }) => request);
const isDestroy = ({ data }: SeedRequest): boolean => data['action'] === 'app-destroy';

/** The jobs of an execute_parallel request. */
function jobsOf(data: Readonly<Record<string, unknown>>): readonly Job[] {
  return Object.values(data).filter(Array.isArray).flat() as Job[];
}

function titleOf({ action, data }: SeedRequest): string {
  const one = action === 'execute_parallel' ? jobsOf(data)[0]?.job : data;
  return `${String(one?.['action' as never])} ${String(one?.['cartridge' as never])}`;
}

/** The seed's own request to add a key, with the visitor's key in it: its owner has the other half. */
function visitorsKey(request: SeedRequest): SeedRequest {
  const copy = { ...structuredClone(request), uniqid: randomBytes(16).toString('hex') };
  for (const { job } of jobsOf(copy.data)) {
    job.args['--with-ssh-key'] = key ?? '';
    job.args['--with-ssh-key-type'] = keyType ?? '';
    job.args['--with-ssh-key-comment'] = 'demo';
  }
  return copy;
}

/** Exit code and output of a reply: of its first job that failed, where it has jobs. */
function outcome({ exitcode, output }: ActionReply): { exitCode: number; output: string } {
  if (!Array.isArray(output)) return { exitCode: exitcode, output: String(output) };
  const jobs = output as readonly Record<string, unknown>[];
  const failed = jobs.find((job) => job['result_exit_code'] !== 0);
  if (failed === undefined) return { exitCode: jobs.length === 0 ? 1 : exitcode, output: '' };
  return { exitCode: Number(failed['result_exit_code']), output: String(failed['result_stderr']) };
}

const create = requests.filter((request) => !isDestroy(request));
const addKey = create.find(({ action }) => action === 'execute_parallel');
const visitors = addKey && visitorsKey(addKey);
const chosen = order === 'destroy' ? requests.filter(isDestroy) : visitors ? [...create, visitors] : create;
const node = await openNode();
for (const request of chosen) {
  const began = performance.now();
  const reply = await callAction(node, request.action, request.data, {
    caller: request.caller,
    sender: request.sender,
    time: request.time,
    uniqid: request.uniqid,
  });
  const { exitCode, output } = outcome(reply);
  const replayed: Replayed = {
    title: request === visitors ? `${titleOf(request)} (your key)` : titleOf(request),
    milliseconds: performance.now() - began,
    exitCode,
    output,
  };
  process.stdout.write(`${JSON.stringify(replayed)}\n`);
  if (exitCode !== 0) {
    process.exitCode = 1;
    break;
  }
}
