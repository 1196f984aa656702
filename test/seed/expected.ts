/**
 * What a log or a reply must be, made from the seed's text: everything is to the letter, except what cannot be the same
 * twice: dates, ids, process ids, keys, passwords, what rsync counted, and what the document left out.
 * Invariant: the exceptions stand here and nowhere else.
 */
import type { SeedExchange } from './seed-text.js';

const PASSWORD = '[A-Za-z0-9_-]{12}';
const POSITION = '[\\w.-]+:\\d+';
const NUMBER = '[\\d,]+(?:\\.\\d+)?';
const DATE = '[A-Z][a-z]{2} [A-Z][a-z]{2} [ \\d]?\\d \\d\\d:\\d\\d:\\d\\d [A-Z]+ \\d{4}';
/** Any lines, up to the line that follows. */
const LINES = '[^]*?^';

/** What changes from run to run, as it stands in the seed, and what may stand in its place. */
const changing: readonly (readonly [found: string, pattern: string])[] = [
  ['0x[0-9a-f]+', '0x[0-9a-f]+'],
  [DATE, DATE],
  ['\\(pid \\d+\\)', '\\(pid \\d+\\)'],
  // Of an RSA key with the exponent that ssh-keygen chooses, in base64.
  ['(?<=^APP_SSH_KEY_ADD: haproxy )\\S+$', 'AAAAB3NzaC1yc2E[A-Za-z0-9+/]+={0,2}'],
  [
    '^sent \\d+ bytes {2}received \\d+ bytes {2}[\\d.]+ bytes/sec\\ntotal size is \\d+ {2}speedup is [\\d.]+$',
    `sent ${NUMBER} bytes  received ${NUMBER} bytes  ${NUMBER} bytes/sec\\ntotal size is ${NUMBER}  speedup is ${NUMBER}`,
  ],
  // The document sets a mark for what it leaves out apart by blank lines.
  ['\\n<[\\w ]+ omitted>\\n\\n', LINES],
  ['(?<=^INFO: )openshift\\.rb:\\d+', POSITION],
  // It left the position out of some requests.
  ['(?<=^INFO: )(?=(?:cartridge_do|execute_parallel)_action call)', `(?:${POSITION}:in '\\w+' )?`],
];
const anyChanging = new RegExp(changing.map(([found]) => `(${found})`).join('|'), 'gm');

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&').replaceAll('\n', '\\n');
}

/** The text with all that changes as patterns. */
function patternOf(text: string): string {
  let out = '';
  let at = 0;
  for (const match of text.matchAll(anyChanging)) {
    const which = match.slice(1).findIndex((group) => group !== undefined);
    out += literal(text.slice(at, match.index)) + (changing[which]?.[1] ?? '');
    at = match.index + match[0].length;
  }
  return out + literal(text.slice(at));
}

function whole(pattern: string): RegExp {
  return new RegExp(`(?<![^])${pattern}(?![^])`, 'm');
}

/** The password of the seed's database, in the reply that tells it first. */
function passwordOf(text: string): string | undefined {
  return /Root Password: (\S+)/.exec(text)?.[1];
}

/** The reply's output: one password, the same in all its places. */
export function outputPattern({ output }: SeedExchange): RegExp {
  const text = output ?? '';
  const password = passwordOf(text);
  if (password === undefined) return whole(patternOf(text));
  const [first = '', ...rest] = text.split(password).map(patternOf);
  return whole(`${first}(?<password>${PASSWORD})${rest.join('\\k<password>')}`);
}

/** The whole log of the exchange; where the document leaves out what follows the request, only that. */
export function logPattern({ log, dump, omitted }: SeedExchange): RegExp {
  if (!omitted) return whole(`${patternOf(hidden(log))}\\n`);
  const request = log.slice(0, log.indexOf(dump) + dump.length);
  return whole(`${patternOf(hidden(request))}\\n[^]*`);
}

/** Secrets do not stand in our log. */
function hidden(text: string): string {
  return text
    .replace(
      /(Root User: |Root Password: |^CART_PROPERTIES: username=|^CART_PROPERTIES: password=)\S+$/gm,
      '$1[HIDDEN]',
    )
    .replace(/("--with-(?:iv|token)"=>)\s*"[^"]*"/g, '$1"[HIDDEN]"')
    .replace(/(_(?:USERNAME|PASSWORD)(?:\\\\)?=)[^;\\\s]+/g, '$1[HIDDEN]')
    .replace(/(:\/\/admin:)[^@]+@/g, '$1[HIDDEN]@');
}

/** The first place where a text leaves a pattern, for people. */
export function firstDifference(text: string, pattern: RegExp): string {
  const wanted = pattern.source.slice('(?<![^])'.length, -'(?![^])'.length).split(/(?<=(?<!\\)(?:\\\\)*)\\n/);
  const lines = text.split('\n');
  let next = 0;
  for (const [at, line] of lines.entries()) {
    const one = wanted[next];
    if (one === '[^]*') return 'none';
    const skips = one?.startsWith(LINES) === true;
    const matches = one !== undefined && new RegExp(`^${skips ? one.slice(LINES.length) : one}$`).test(line);
    if (matches) next += 1;
    else if (!skips) {
      return `line ${at + 1}: ${JSON.stringify(line)} is not ${one === undefined ? 'expected' : JSON.stringify(one)}`;
    }
  }
  return `the text ends after ${next} of ${wanted.length} lines, before ${wanted[next] ?? ''}`;
}
