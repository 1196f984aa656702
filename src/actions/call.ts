/**
 * The one way to an action, for commands, buses and the library: the request is checked by its schema, logged, carried
 * out once however often it is delivered, and answered. Invariant: it never throws; whatever goes wrong is in the
 * reply, with the exit code of the facts and a sentence.
 */
import * as v from 'valibot';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import { deliveredOnce } from './deliveries.js';
import { actionLog } from './log-file.js';
import { reply, requestMeta, type ActionReply, type RequestMeta } from './request.js';
import { RequestLog } from './request-log.js';
import { actions, type ActionName } from './table.js';

export function isAction(name: string): name is ActionName {
  return Object.hasOwn(actions, name);
}

/** The data of a request, checked; throws `ERR_INVALID_DATA` with what is wrong. */
export function checkRequest(name: ActionName, data: unknown): unknown {
  const result = v.safeParse(actions[name].schema, data);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new OoError(`${path === null ? 'The request' : path} ${issue.message}. Nothing was done.`, {
    code: 'ERR_INVALID_DATA',
    exitCode: 255,
    cause: issue,
  });
}

/** Carries out one request. */
export async function callAction(
  node: Node,
  name: string,
  data: unknown,
  given: Partial<Omit<RequestMeta, 'given'>> = {},
  log: RequestLog = new RequestLog(actionLog(node)),
): Promise<ActionReply> {
  if (!isAction(name)) {
    return reply(
      2,
      `Unknown action: ${JSON.stringify(name)}`,
      127,
      `Unsupported action: ${JSON.stringify(name)}\n`,
    );
  }
  const meta = requestMeta(given, node.config.publicHostname);
  let checked: unknown;
  try {
    checked = checkRequest(name, data);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return reply(4, message, 255, `${message}\n`);
  }
  return deliveredOnce(node, meta, { name, data }, async () => {
    try {
      log.request(name, data, meta);
      return await actions[name].handle({ node, log, meta }, checked as never);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      node.log.error('action failed', { action: name, error });
      return reply(5, message, error instanceof OoError ? error.exitCode : 127, `${message}\n`);
    }
  });
}
