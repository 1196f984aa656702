/**
 * `execute_parallel`: jobs for this node's gears. Jobs on different gears run side by side, jobs on one gear one after
 * the other in the order of the list; each result is put into its own job. Invariant: the list comes back in its order
 * and whole, the overall exit code is 0, no job's failure is another's, and the log shows the ends of jobs in the list's
 * order.
 */
import * as v from 'valibot';
import { callSchema } from './cartridge-do.js';
import { gearOfArguments } from './gear-of.js';
import { asText, isHookCall, perform, type ActionContext, type Performed } from './perform.js';
import { reply, type ActionReply } from './request.js';
import { sideBySide } from './side-by-side.js';

const NO_HASH = 'is not a hash of node identities';
export const parallelSchema = v.pipe(
  v.unknown(),
  v.check((data) => !Array.isArray(data), NO_HASH),
  v.record(v.string(), v.unknown(), NO_HASH),
);

type Job = Readonly<Record<string, unknown>>;

export async function executeParallel(
  context: ActionContext,
  data: Readonly<Record<string, unknown>>,
): Promise<ActionReply> {
  const mine = Object.hasOwn(data, context.node.config.publicHostname)
    ? data[context.node.config.publicHostname]
    : [];
  if (!Array.isArray(mine)) {
    const message = `The jobs of ${context.node.config.publicHostname} are not a list. Nothing was done.`;
    return reply(4, message, 255, `${message}\n`);
  }
  const jobs: readonly unknown[] = mine;
  const results: unknown[] = new Array<unknown>(jobs.length);
  const queues = new Map<string, number[]>();
  jobs.forEach((job, at) => {
    const gear = gearOf(job) ?? `?${at}`;
    const queue = queues.get(gear);
    if (queue === undefined) queues.set(gear, [at]);
    else queue.push(at);
  });
  const report = inOrder();
  const oneAfterTheOther = async (queue: readonly number[]): Promise<void> => {
    for (const at of queue) {
      const [result, shown] = await runJob(context, jobs[at]);
      results[at] = result;
      report(at, () => {
        if (shown !== undefined) context.log.reaped(shown.exitcode, asText(shown.output));
      });
    }
  };
  await sideBySide([...queues.values()].map((queue) => () => oneAfterTheOther(queue)));
  if (queues.size > 1) context.log.together();
  return reply(0, 'OK', 0, results);
}

/** Calls what is handed in by number, in the order of the numbers, each as soon as all before it were called. */
function inOrder(): (at: number, call: () => void) => void {
  const early = new Map<number, () => void>();
  let next = 0;
  return (at, call) => {
    early.set(at, call);
    for (let due = early.get(next); due !== undefined; due = early.get(next)) {
      early.delete(next);
      next += 1;
      due();
    }
  };
}

function gearOf(job: unknown): string | undefined {
  if (!isHash(job)) return undefined;
  if (typeof job['gear'] === 'string' && job['gear'] !== '') return job['gear'];
  return isHash(job['job']) ? gearOfArguments(job['job']['args']) : undefined;
}

/** The finished job, and what the log is to show of its end. */
async function runJob(
  context: ActionContext,
  job: unknown,
): Promise<readonly [unknown, (Performed | undefined)?]> {
  const fields: Job = isHash(job) ? job : { job };
  const call = v.safeParse(callSchema, fields['job']);
  if (!call.success) {
    const [issue] = call.issues;
    const text = `${v.getDotPath(issue) ?? 'The job'} ${issue.message}. Nothing was done.\n`;
    return [finished(fields, { exitcode: 255, output: text, addtl: null, failed: true })];
  }
  const asked = { ...call.output, args: call.output.args ?? {} };
  const performed = await perform(context, asked);
  const shown = asked.action === 'connector-execute' || performed.exitcode !== 0;
  return [finished(fields, performed), shown && !isHookCall(asked) ? performed : undefined];
}

/** What the node itself has to say of a failure stands in both streams: brokers read the one or the other. */
function finished(job: Job, { exitcode, output, addtl, failed }: Performed): unknown {
  return {
    ...job,
    result_stdout: typeof output === 'string' ? output : (output ?? ''),
    result_stderr: failed ? asText(output) : '',
    result_exit_code: exitcode,
    ...(addtl === null ? {} : { result_addtl_params: addtl }),
  };
}

function isHash(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
