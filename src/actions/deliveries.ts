/**
 * A request delivered twice has its effect once. A second delivery that comes while the first is carried out waits for
 * its reply; a later one finds the reply in the node's run directory, one small file each below the folder of the
 * gear, whatever process answers. A create or a destroy that succeeded clears what was said about that gear before, so
 * that the same request sent on purpose for a new life of the gear is carried out. Invariant: only a request that
 * brought its own id counts, and only when all of it is the same.
 */
import { createHash } from 'node:crypto';
import { withGearLock } from '../gear/lock.js';
import { errnoOf } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import type { Node } from '../node/node.js';
import type { ActionReply, RequestMeta } from './request.js';
import { gearOfArguments } from './gear-of.js';

const HOUR = 3_600_000;
const running = new Map<string, Promise<ActionReply>>();

interface Request {
  readonly name: string;
  readonly data: unknown;
}

export async function deliveredOnce(
  node: Node,
  meta: RequestMeta,
  request: Request,
  work: () => Promise<ActionReply>,
): Promise<ActionReply> {
  if (!meta.given) return work();
  const key = createHash('sha256')
    .update(JSON.stringify([meta.uniqid, meta.sender, meta.caller, request.name, request.data]))
    .digest('hex')
    .slice(0, 40);
  const known = running.get(key);
  if (known !== undefined) return known;
  // Another process may have been given the same request.
  const alone = withGearLock(node, `delivery ${key}`, () => answered(node, key, request, work), {
    wait: HOUR,
  });
  const answer = alone.finally(() => running.delete(key));
  running.set(key, answer);
  return answer;
}

async function answered(
  node: Node,
  key: string,
  request: Request,
  work: () => Promise<ActionReply>,
): Promise<ActionReply> {
  const gear = gearFolder(request.data);
  const before = readReply(node, gear, key);
  if (before !== undefined) return before;
  const answer = await work();
  const life = ['app-create', 'app-destroy'].includes(String((request.data as { action?: unknown }).action));
  keepReply(node, gear, key, answer, life && answer.exitcode === 0);
  return answer;
}

/** The folder of a request: its gear, or one for all that concern several gears or none. */
function gearFolder(data: unknown): string {
  const gear = gearOfArguments((data as { args?: unknown } | null)?.args);
  return gear !== undefined && /^[A-Za-z0-9][-A-Za-z0-9]{0,31}$/.test(gear) ? gear : '_';
}

function readReply(node: Node, gear: string, key: string): ActionReply | undefined {
  try {
    using run = Directory.open(node.paths.runDir);
    const text = run.tryReadText(`requests/${gear}/${key}`, 8 << 20);
    return text === undefined ? undefined : (JSON.parse(text) as ActionReply);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') node.log.warn('a kept reply cannot be read', { gear, error });
    return undefined;
  }
}

/** Keeping a reply is a help, not a duty: when it fails, the log says so and the reply goes out all the same. */
function keepReply(node: Node, gear: string, key: string, answer: ActionReply, newLife: boolean): void {
  try {
    using run = Directory.open(node.paths.runDir);
    run.makeDirectory('requests', { mode: 0o700, existing: true });
    run.makeDirectory(`requests/${gear}`, { mode: 0o700, existing: true });
    if (newLife)
      for (const { name } of run.list(`requests/${gear}`))
        run.unlink(`requests/${gear}/${name}`, { missing: true });
    run.write(`requests/${gear}/${key}`, JSON.stringify(answer), { mode: 0o600 });
    if (Number.parseInt(key.slice(0, 2), 16) < 4) forgetOld(run);
  } catch (error) {
    node.log.warn('a reply could not be kept', { gear, error });
  }
}

/** One write in 64 clears what is older than an hour. */
function forgetOld(run: Directory): void {
  for (const { name: gear } of run.list('requests')) {
    for (const { name } of run.list(`requests/${gear}`)) {
      const path = `requests/${gear}/${name}`;
      if (Date.now() - run.stat(path).mtimeMs > HOUR) run.unlink(path, { missing: true });
    }
    if (run.list(`requests/${gear}`).length === 0) run.removeDirectory(`requests/${gear}`);
  }
}
