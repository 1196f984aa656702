/**
 * What a broker passes on from publishers to a subscriber: `'gear'='text' 'gear'='text'`, one word, or (for connections
 * of type `ENV:`) a hash from gear to text. Texts that speak of variables hold `NAME=value` items, separated by
 * semicolons or newlines. Invariant: a text comes out as its publisher printed it, or is refused; nothing is expanded.
 */
import { OoError } from '../native/error.js';

/** Gear to what it printed. */
export type Publications = ReadonlyMap<string, string>;

const ENTRY = /\s*'([A-Za-z0-9][-A-Za-z0-9]{0,63})'='([^']*)'(?=\s|$)/y;

function refused(why: string): OoError {
  return new OoError(`${why}. Nothing was changed.`, { code: 'ERR_BAD_PUBLICATION', exitCode: 255 });
}

/** The entries of the word; an empty word has none. */
export function parsePublications(word: string): Publications {
  const found = new Map<string, string>();
  const text = word.trimEnd();
  for (let at = 0; at < text.length; at = ENTRY.lastIndex) {
    ENTRY.lastIndex = at;
    const [, gear = '', printed = ''] = ENTRY.exec(text) ?? [];
    if (gear === '') {
      throw refused(
        `What is published is written 'gear'='text', with quotes that match, not ${JSON.stringify(text.slice(at, at + 40))}`,
      );
    }
    found.set(gear, printed);
  }
  return found;
}

/** One word of it, as a hook of the gear gets it. */
export function publicationsWord(publications: Publications): string {
  return [...publications].map(([gear, text]) => `'${gear}'='${text}'`).join(' ');
}

/** The folder of a publishing cartridge: `mysql-5.1` publishes as `mysql`. */
export function publisherName(cartridge: string): string {
  return cartridge.replace(/^embedded\//, '').replace(/(?<=.)-[^-]*$/, '');
}

/** The `NAME=value` items; a value goes to the end of its item, further equals signs included. */
export function variablesOf(text: string, separator = /[;\n]/): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const item of text
    .replaceAll('\r\n', '\n')
    .split(separator)
    .map((part) => part.trimStart())) {
    // What the node itself has to say to the client gets into a publisher's output.
    if (item.trim() === '' || /^CLIENT_[A-Z_]+:/.test(item)) continue;
    const equals = item.indexOf('=');
    if (equals < 1) throw refused(`Published variables are written NAME=value, not ${shape(item)}`);
    variables[item.slice(0, equals)] = item.slice(equals + 1);
  }
  return variables;
}

/** It may be a password: only its length is told. */
function shape(item: string): string {
  return `a text of ${item.length} characters without a name before "="`;
}
