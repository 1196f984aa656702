/**
 * A request and its reply as every door of the node sees them (a command, a bus, the library): who asks, what for, and
 * the envelope that goes back. Invariant: a reply is always complete; an action never throws at its caller.
 */
import { randomBytes } from 'node:crypto';

/** Who sent a request, and which one it is. */
export interface RequestMeta {
  readonly agent: string;
  readonly caller: string;
  readonly sender: string;
  /** Seconds since 1970. */
  readonly time: number;
  /** Unique id of the request: delivered twice, it has its effect once. */
  readonly uniqid: string;
  /** True when the id was given by the sender, so that a second delivery can be recognised. */
  readonly given: boolean;
}

/** 0 fine, 1 the action failed, 2 no such action, 3 data missing, 4 data not valid, 5 anything else. */
export type StatusCode = 0 | 1 | 2 | 3 | 4 | 5;

export interface ActionReply {
  readonly statuscode: StatusCode;
  readonly statusmsg: string;
  /** Text; a list of jobs for execute_parallel; a list of texts for get-quota. */
  readonly output: unknown;
  readonly exitcode: number;
  /** Seconds since 1970, when the action ended. */
  readonly time: number;
  readonly addtl_params: Readonly<Record<string, unknown>> | null;
}

/** Fills in what a caller left open. */
export function requestMeta(given: Partial<Omit<RequestMeta, 'given'>>, sender: string): RequestMeta {
  return {
    agent: given.agent ?? 'openshift',
    caller: given.caller ?? `uid=${process.getuid?.() ?? 0}`,
    sender: given.sender ?? sender,
    time: given.time ?? Math.floor(Date.now() / 1000),
    uniqid: given.uniqid ?? randomBytes(16).toString('hex'),
    given: given.uniqid !== undefined,
  };
}

export function reply(
  statuscode: StatusCode,
  statusmsg: string,
  exitcode: number,
  output: unknown,
  addtl: Readonly<Record<string, unknown>> | null = null,
): ActionReply {
  const time = Math.floor(Date.now() / 1000);
  return { statuscode, statusmsg, output, exitcode, time, addtl_params: addtl };
}
