/**
 * The log of requests, in the shape that operators of such nodes know: the request as Ruby's pretty printer shows it,
 * what was validated, the command, exit code and output between dashed lines. Secrets are hidden and control
 * characters are spelt out, so that no hook can move the reader's cursor or write a line that looks like the log's own.
 * Invariant: one call writes one append; a log that cannot be written never stops an action.
 */
import { randomBytes } from 'node:crypto';
import {
  inspectString,
  prettyInspect,
  RubyHash,
  RubyObject,
  RubySymbol,
  type RubyValue,
} from './ruby-inspect.js';
import { redactData, redactText } from './redact.js';
import type { RequestMeta } from './request.js';

/** Where log text goes: the node's append-only file, or a test's list. */
export interface LogSink {
  append(text: string): void;
}

/** Fields that the broker sends as symbols; all other keys are strings. Below `args` every key is a string. */
const symbols: ReadonlySet<string> = new Set([
  'args',
  'cartridge',
  'process_results',
  'action',
  'tag',
  'job',
  'gear',
  'result_exit_code',
  'result_stdout',
  'result_stderr',
  'result_addtl_params',
]);

export class RequestLog {
  readonly #sink: LogSink;

  constructor(sink: LogSink) {
    this.#sink = sink;
  }

  /** The request itself, with the blank line that the dump's own newline leaves; a single quiet job has none. */
  request(action: string, data: unknown, meta: RequestMeta): void {
    const method = `${action}_action`;
    const dump = tabbed(prettyInspect(requestObject(action, redactData(data), meta)));
    const blank = action === 'execute_parallel' && isOneQuietJob(data) ? '' : '\n';
    this.#write(method, `${method} call / request = ${dump}${blank}`, this.request);
  }

  validation(cartridge: string, action: string, args: string | Readonly<Record<string, unknown>>): void {
    const words = `${cartridge} ${action} ${oneLine(redactText(argumentText(args)))}`;
    this.#write('cartridge_do_action', `cartridge_do_action validation = ${words}`, this.validation);
  }

  /** `COMMAND: oo-app-create`, said by the method that does it. */
  command(action: string): void {
    const name = action === 'connector-execute' ? action : `oo-${action}`;
    this.#write(`oo_${action.replaceAll('-', '_')}`, `COMMAND: ${name}`, this.command);
  }

  /** The old agent's spelling of a cartridge's action with positional arguments: the hook it stands for. */
  executing(hookPath: string, args: string): void {
    const command = `/usr/bin/runcon -l s0-s0:c0.c1023 ${hookPath} ${oneLine(redactText(args))} 2>&1`;
    this.#write('handle_cartridge_action', `handle_cartridge_action executing ${command}`, this.executing);
  }

  /** What a cartridge's action with positional arguments ended with. */
  completed(exitcode: number, output: string): void {
    this.#write('complete_process_gracefully', `(${exitcode})\n${dashed(output)}`, this.completed);
  }

  /** What a job of an execute_parallel ended with. */
  reaped(exitcode: number, output: string): void {
    this.#write('reap_output', `cartridge_do_action (${exitcode})\n${dashed(output)}`, this.reaped);
  }

  /** The end of jobs that ran side by side on several gears. The list stands in the request, its results above. */
  together(): void {
    const method = 'execute_parallel_action';
    this.#write(method, `${method} call - <omitted>`, this.together);
  }

  /** The end of a cartridge_do; with its output unless `completed` has shown it. */
  done(exitcode: number, output?: string): void {
    const block = output === undefined ? '' : `\n${dashed(output)}`;
    this.#write('cartridge_do_action', `cartridge_do_action (${exitcode})${block}`, this.done);
  }

  #write(method: string, text: string, below: (...args: never[]) => void): void {
    const line = `INFO: ${callerOf(below)}:in '${method}' ${text}\n`;
    try {
      this.#sink.append(line);
    } catch {
      process.stderr.write(line);
    }
  }
}

/** Whether an execute_parallel holds one job that leaves nothing but its command in the log. */
function isOneQuietJob(data: unknown): boolean {
  const lists = Object.values(typeof data === 'object' && data !== null ? data : {}).filter(Array.isArray);
  const [only, ...more] = lists.flat() as readonly ({
    readonly job?: { readonly action?: unknown };
  } | null)[];
  return more.length === 0 && only?.job?.action !== 'connector-execute';
}

/** File and line of whoever called `below`. */
function callerOf(below: (...args: never[]) => void): string {
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(holder, below);
  Error.stackTraceLimit = limit;
  return /([^/\\(\s]+:\d+):\d+\)?$/.exec(holder.stack ?? '')?.[1] ?? 'unknown:0';
}

/** A hash as Ruby 1.8 turns it into text: keys and values one after the other. */
function argumentText(args: string | Readonly<Record<string, unknown>>): string {
  if (typeof args === 'string') return args;
  const shown = redactData(args) as Record<string, unknown>;
  return Object.entries(shown)
    .map(
      ([key, value]) =>
        `${key}${typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)}`,
    )
    .join('');
}

function dashed(output: string): string {
  return `------\n${safe(redactText(output)).replace(/^(?=-{6}|INFO: )/gm, '\\')}\n------)`;
}

/** Control characters, escape sequences and direction marks spelt out; newlines and tabs stay. */
function safe(text: string): string {
  return text.replace(/[^\P{C}\n\t]|[\u2028\u2029]/gu, (character) => inspectString(character).slice(1, -1));
}

/** As `safe`, newlines too: nothing in a request can begin a line of its own. */
function oneLine(text: string): string {
  return safe(text).replaceAll('\n', '\\n');
}

/** Each eight leading blanks as one tab, as the log has always had them. */
export function tabbed(text: string): string {
  return text.replace(/^(?: {8})+/gm, (blanks) => '\t'.repeat(blanks.length / 8));
}

function requestObject(action: string, data: unknown, meta: RequestMeta): RubyObject {
  return new RubyObject('MCollective::RPC::Request', `0x7f${randomBytes(5).toString('hex')}`, [
    ['@action', action],
    ['@agent', meta.agent],
    ['@caller', meta.caller],
    ['@data', rubyOf(data, true)],
    ['@sender', meta.sender],
    ['@time', meta.time],
    ['@uniqid', meta.uniqid],
  ]);
}

function rubyOf(value: unknown, named: boolean): RubyValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((item) => rubyOf(item, named));
  if (typeof value !== 'object') return String(value);
  return new RubyHash(
    Object.entries(value).map(([key, item]) => [
      named && symbols.has(key) ? new RubySymbol(key) : key,
      rubyOf(item, named && key !== 'args'),
    ]),
  );
}
