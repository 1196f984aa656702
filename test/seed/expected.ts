/**
 * What a log or a reply must be, made from the seed's text: everything is to the letter, except what cannot be the same
 * twice. Invariant: the exceptions stand here and nowhere else.
 */
import type { SeedExchange } from './seed-text.js';

const PASSWORD = '[A-Za-z0-9_-]{12}';
const POSITION = '[\\w.-]+:\\d+';

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** The password of the seed's database, wherever it stands. */
function passwordOf(text: string): string | undefined {
  return /Root Password: (\S+)/.exec(text)?.[1];
}

/** The reply's output: one password, the same in all its places. */
export function outputPattern({ output }: SeedExchange): RegExp {
  const text = output ?? '';
  const password = passwordOf(text);
  if (password === undefined) return new RegExp(`^${literal(text)}$`);
  const [first = '', ...rest] = text.split(password).map(literal);
  return new RegExp(`^${first}(?<password>${PASSWORD})${rest.join('\\k<password>')}$`);
}

/** The whole log of the exchange. */
export function logPattern({ log }: SeedExchange): RegExp {
  const lines = log.split('\n').map((line) =>
    literal(hidden(line))
      // The document left the position out of some of its requests.
      .replace(/^INFO: (?=(cartridge_do|execute_parallel)_action call)/, `INFO: (?:${POSITION}:in '\\w+' )?`)
      .replace(/openshift\\\.rb:\d+/, POSITION)
      .replace(/0x[0-9a-f]+/, '0x[0-9a-f]+'),
  );
  return new RegExp(`^${lines.join('\\n')}\\n$`);
}

/** Secrets do not stand in our log. */
function hidden(line: string): string {
  return line.replace(
    /(Root User: |Root Password: |^CART_PROPERTIES: username=|^CART_PROPERTIES: password=)\S+$/,
    '$1[HIDDEN]',
  );
}

/** The first place where a text leaves a pattern, for people: the longest beginning of lines that still matches. */
export function firstDifference(text: string, pattern: RegExp): string {
  const wanted = pattern.source.slice(1, -3).split('\\n');
  const lines = text.split('\n');
  for (const [at, line] of lines.entries()) {
    const one = wanted[at];
    if (one === undefined || !new RegExp(`^${one}$`).test(line)) {
      return `line ${at + 1}: ${JSON.stringify(line)} is not ${one === undefined ? 'expected' : JSON.stringify(one)}`;
    }
  }
  return `the text ends after ${lines.length} of ${wanted.length} lines`;
}
