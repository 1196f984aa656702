/**
 * What publishing gears said, as the one string of arguments that a subscribing gear's connector is given. Invariant:
 * read as a shell reads it, the string is three words, and one more that holds each publisher's output as it was
 * printed, newlines and all.
 */
import { escapeWord } from '../../../src/actions/words.js';

export interface Publication {
  /** The uuid of the gear that said it. */
  readonly gear: string;
  readonly output: string;
}

/** `'UUID'='OUTPUT'`, one for each gear, as one word. */
export function publicationWord(said: readonly Publication[]): string {
  return said.map(({ gear, output }) => `'${gear}'='${output}'`).join(' ');
}

/** A publisher is given its own three words; a subscriber also what was said. */
export function subscriberArguments(
  words: readonly [name: string, namespace: string, uuid: string],
  said: readonly (readonly Publication[])[] = [],
): string {
  return [...words, ...said.map((one) => escapeWord(publicationWord(one)))].join(' ');
}
