/** The lines of a reply that a broker acts on. Invariant: a line without its verb, colon and blank is nobody's order. */
import type { PublicKey } from './broker.js';

export interface Decisions {
  readonly attributes: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, string>>;
  readonly keysToAdd: readonly PublicKey[];
  readonly keysToRemove: readonly string[];
  readonly variablesToRemove: readonly string[];
  readonly brokerKey: boolean;
}

export function decisionsOf(output: string): Decisions {
  const said = (verb: string): readonly string[] =>
    output
      .split('\n')
      .filter((line) => line.startsWith(`${verb}: `))
      .map((line) => line.slice(verb.length + 2));
  return {
    attributes: Object.fromEntries([...said('CART_DATA'), ...said('ATTR')].map(pair)),
    properties: Object.fromEntries(said('CART_PROPERTIES').map(pair)),
    keysToAdd: said('APP_SSH_KEY_ADD').map((text) => {
      const [comment = '', key = ''] = text.split(' ');
      return { comment, key };
    }),
    keysToRemove: said('APP_SSH_KEY_REMOVE'),
    variablesToRemove: said('APP_ENV_VAR_REMOVE'),
    brokerKey: said('BROKER_AUTH_KEY_ADD').length > 0,
  };
}

function pair(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
