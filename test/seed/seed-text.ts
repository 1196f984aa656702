/**
 * The seed as data: the blocks of log text that stand in it, each with its request and the lines that follow, taken
 * out of the text itself. The document indents its log by one tab, and turned each eight leading blanks of the log
 * into a tab; the first is removed here, the second is kept (the log prints it so).
 * Invariant: no request and no reply of the seed stands anywhere else in the tests.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RubyHash, RubyObject, RubySymbol, type RubyValue } from '../../src/actions/ruby-inspect.js';
import { parseRuby } from './ruby-parse.js';

export interface SeedRequest {
  readonly action: string;
  readonly agent: string;
  readonly caller: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly sender: string;
  readonly time: number;
  readonly uniqid: string;
}

export interface SeedExchange {
  readonly request: SeedRequest;
  /** The `#<MCollective::RPC::Request ...>` text, as it stands. */
  readonly dump: string;
  /** All of this exchange's log, from the line of the request on; document paragraphs removed. */
  readonly log: string;
  /** The text between the dashed lines, without the newline that the log adds; undefined when there is no such block. */
  readonly output: string | undefined;
  /** True when the document shows nothing, or not all, of what came after the request. */
  readonly omitted: boolean;
}

/** What stands in the seed, and what this run has in its place: keys, passwords. */
export type Replacements = ReadonlyMap<string, string>;

/** The seed's text: `seed/mcollective-logs.txt` of the repository. */
export function seedText(): string {
  return readFileSync(
    fileURLToPath(new URL('../../../test/seed/mcollective-logs.txt', import.meta.url)),
    'utf8',
  );
}

/** The part up to the scaled application. */
export function simplePart(text: string): string {
  const end = text.indexOf('Scaled app example\n');
  if (end < 0) throw new Error('the seed has no "Scaled app example"');
  return text.slice(0, end);
}

/** The part after it, with what the document abridged by a rule written out, and what it set wrongly set right. */
export function scaledPart(text: string): string {
  const start = simplePart(text).length;
  return (
    text
      .slice(start)
      // The end of one block lost its tab.
      .replace(/^------\)$/gm, '\t------)')
      // Two lines of a dump stand on one.
      .replace('@agent="openshift", @caller=', '@agent="openshift",\n\t @caller=')
      // Backticks for apostrophes, as Ruby wrote them; the rest of the document has apostrophes.
      .replace(/in `(\w+)'/g, "in '$1'")
      .replace(
        /^\t {4}\[\{:tag(?:(?!\n\t @sender)[\s\S])*<copy of the same job[^>]*>\n\n\t\s+\],/m,
        jobsWrittenOut,
      )
      .replace(/^(\tINFO: .*\n)\t<repeated for every env var>$/m, (_, line: string) =>
        line.repeat(removedVariables(text).length).trimEnd(),
      )
  );
}

/** The variables that the database's gear asks to have removed, in their order. */
function removedVariables(text: string): readonly string[] {
  const reply = text.slice(text.lastIndexOf('\t------\n\tAPP_ENV_VAR_REMOVE'));
  return [...reply.matchAll(/^\tAPP_ENV_VAR_REMOVE: (\w+)$/gm)].map(([, name]) => name ?? '');
}

/** `<copy of the same job for every env var in the list above>`. */
function jobsWrittenOut(abridged: string, _offset: number, text: string): string {
  const [first = ''] = /\{:tag[\s\S]*?:result_stderr=>""\}/.exec(abridged) ?? [];
  const [named = '', ...others] = removedVariables(text);
  const jobs = [first, ...others.map((name) => first.replace(`"${named}"`, `"${name}"`))];
  return `\t    [${jobs.join(',\n\t     ')}],`;
}

/** The log lines of the document: those indented by a tab, and blank lines between two of them. */
export function logLines(text: string): string {
  const paragraphs = text.split(/\n(?=[^\t\n])/);
  return paragraphs
    .map((paragraph) => paragraph.split('\n').filter((line, at) => !(at === 0 && !line.startsWith('\t'))))
    .map((lines) => lines.map((line) => line.replace(/^\t/, '')))
    .map((lines) => lines.join('\n').replace(/^\n+|\n+$/g, ''))
    .filter((block) => block !== '')
    .join('\n');
}

/**
 * The requests of the scaled part. Its log has a blank line after each request; where a paragraph of the document
 * stands there, and once without one, the document left it out. It also left out the empty block of one empty reply.
 */
export function scaledExchanges(text: string): readonly SeedExchange[] {
  return exchanges(scaledPart(text)).map(({ log, omitted }) => {
    const spaced = log.replace(/(@uniqid="[0-9a-f]+">)\n(?!\n)/, '$1\n\n');
    const ended = /^INFO: .*'oo_app_\w+'.*\nINFO: .* cartridge_do_action \(0\)$(?!\n)/m;
    return exchangeOf(omitted ? log : spaced.replace(ended, '$&\n------\n\n------)'));
  });
}

/** Every request of the text with what was answered. */
export function exchanges(text: string): readonly SeedExchange[] {
  const log = logLines(text);
  const starts = [...log.matchAll(/^INFO: .*#<MCollective::RPC::Request/gm)].map((match) => match.index);
  return starts.map((start, at) => exchangeOf(log.slice(start, starts[at + 1]).replace(/\n+$/, '')));
}

function exchangeOf(log: string): SeedExchange {
  const dump = /#<MCollective[\s\S]*?@uniqid="[0-9a-f]+">/.exec(log)?.[0];
  if (dump === undefined) throw new Error(`no request in: ${log.slice(0, 80)}`);
  const body = /^------\n([\s\S]*?)\n------\)$/m.exec(log)?.[1];
  const rest = log.slice(log.indexOf(dump) + dump.length).trim();
  const omitted = rest === '' || /^<[\w ]*response omitted>$/m.test(rest);
  return { request: requestOf(parseRuby(dump)), dump, log, output: body, omitted };
}

/** The exchange as it is when values of earlier replies are this run's. */
export function withReplaced({ log }: SeedExchange, replacements: Replacements): SeedExchange {
  return exchangeOf([...replacements].reduce((text, [seeds, ours]) => text.replaceAll(seeds, ours), log));
}

function requestOf(value: RubyValue): SeedRequest {
  if (!(value instanceof RubyObject)) throw new Error('a request is an object');
  const fields = new Map(value.variables.map(([name, field]) => [name.slice(1), plain(field)]));
  return Object.fromEntries(fields) as unknown as SeedRequest;
}

/** Ruby values as JSON would carry them: symbols become their names. */
export function plain(value: RubyValue): unknown {
  if (value instanceof RubySymbol) return value.name;
  if (value instanceof RubyHash) {
    return Object.fromEntries(
      value.entries.map(([key, item]) => [key instanceof RubySymbol ? key.name : key, plain(item)]),
    );
  }
  if (value instanceof RubyObject) throw new Error('an object inside a request');
  return Array.isArray(value) ? (value as readonly RubyValue[]).map(plain) : value;
}
