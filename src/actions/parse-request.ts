/**
 * A request written as JSON, in any of the shapes people have at hand: its data alone, or the whole request as the log
 * shows it. Invariant: what comes out is plain data with plain keys; what is valid is decided by the action's schema.
 */
import { OoError } from '../native/error.js';
import type { RequestMeta } from './request.js';

export interface ParsedRequest {
  readonly data: unknown;
  readonly meta: Partial<Omit<RequestMeta, 'given'>>;
}

export function parseRequest(action: string, text: string): ParsedRequest {
  const value = bare(jsonOf(text));
  if (!isRecord(value)) throw notARequest('is not a JSON object');
  const { data } = value;
  // A whole request has its data in a field of its own; a node's identity may be called `data` only beside jobs.
  if (
    !isRecord(data) ||
    (!('uniqid' in value) && !('sender' in value) && !('agent' in value) && !('action' in value))
  ) {
    return { data: value, meta: {} };
  }
  if (value['action'] !== undefined && value['action'] !== action) {
    throw notARequest(`is one for ${JSON.stringify(value['action'])}, not for ${JSON.stringify(action)}`);
  }
  const text_ = (name: string): string | undefined => {
    const field = value[name];
    if (field === undefined || (typeof field === 'string' && /^[\x20-\x7e]{1,255}$/.test(field)))
      return field;
    throw notARequest(`has a ${name} that is not a short text`);
  };
  const time = value['time'];
  if (time !== undefined && (typeof time !== 'number' || !Number.isSafeInteger(time))) {
    throw notARequest('has a time that is not a whole number');
  }
  const [agent, caller, sender, uniqid] = [text_('agent'), text_('caller'), text_('sender'), text_('uniqid')];
  return {
    data,
    meta: {
      ...(agent === undefined ? {} : { agent }),
      ...(caller === undefined ? {} : { caller }),
      ...(sender === undefined ? {} : { sender }),
      ...(time === undefined ? {} : { time }),
      ...(uniqid === undefined ? {} : { uniqid }),
    },
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notARequest('is not JSON', cause);
  }
}

function notARequest(why: string, cause?: unknown): OoError {
  return new OoError(`The request ${why}. Nothing was done.`, {
    code: 'ERR_BAD_REQUEST',
    exitCode: 255,
    cause,
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys without the `:` of a symbol and the `@` of an instance variable. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.replace(/^[:@](?=\w)/, ''), bare(item)]),
  );
}
