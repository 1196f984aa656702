/**
 * Arguments written as one string, as the broker writes them (`'phpapp' 'demo' 'cc9b...'`), split into words without a
 * shell: quotes and backslashes mean what they mean to a shell, and everything else that a shell would act on is
 * refused. Invariant: no byte of the string is ever given to a shell, and nothing is expanded.
 */
import { OoError } from '../native/error.js';

const allowed = /^[\w+/= {}"@\-.:;'\\\n~,]+$/;
const unsafe = /[`$;|<>]|&&/;
const meaningful = /[`$;|&<>()\n*?[\]!#]/;

function refused(why: string): OoError {
  return new OoError(`The argument string ${why}. Nothing was done.`, {
    code: 'ERR_BAD_ARGUMENTS',
    exitCode: 255,
  });
}

/** The rules for the argument string of a cartridge's action: only these characters, and none that a shell acts on. */
export function checkArgumentString(text: string): void {
  if (text.length > 65_536) throw refused('is longer than 65536 characters');
  if (!allowed.test(text)) throw refused('holds a character that is not allowed there, or is empty');
  const found = unsafe.exec(text);
  if (found !== null) throw refused(`holds ${JSON.stringify(found[0])}, which a shell would act on`);
}

/** The words of the string. */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === ' ' || character === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
      at += 1;
    } else if (character === "'" || character === '"') {
      const [inside, next] = character === "'" ? single(text, at) : double(text, at);
      word = (word ?? '') + inside;
      at = next;
    } else if (character === '\\') {
      if (at + 1 >= text.length) throw refused('ends in a backslash');
      if (text[at + 1] === '\n') throw refused('holds a line continuation');
      word = (word ?? '') + (text[at + 1] ?? '');
      at += 2;
    } else {
      if (meaningful.test(character)) {
        throw refused(`holds ${JSON.stringify(character)} outside quotes, which a shell would act on`);
      }
      word = (word ?? '') + character;
      at += 1;
    }
  }
  if (word !== undefined) words.push(word);
  for (const one of words) if (one.includes('\0')) throw refused('holds a NUL');
  return words;
}

function single(text: string, start: number): readonly [string, number] {
  const end = text.indexOf("'", start + 1);
  if (end < 0) throw refused('has an unmatched single quote');
  return [text.slice(start + 1, end), end + 1];
}

function double(text: string, start: number): readonly [string, number] {
  let inside = '';
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (character === '"') return [inside, at + 1];
    if (character === '$' || character === '`') {
      throw refused(`holds ${JSON.stringify(character)} in double quotes, which a shell would act on`);
    }
    if (character === '\\' && /["\\$`]/.test(text[at + 1] ?? '')) {
      inside += text[at + 1] ?? '';
      at += 1;
    } else {
      inside += character;
    }
  }
  throw refused('has an unmatched double quote');
}

/** One word as Ruby's `Shellwords.shellescape` writes it: what `splitWords` reads back. */
export function escapeWord(word: string): string {
  if (word === '') return "''";
  return word.replace(/[^A-Za-z0-9_\-.,:/@\n]/gu, '\\$&').replaceAll('\n', "'\n'");
}
