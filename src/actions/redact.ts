/**
 * What the request log hides, beyond what every log of the node hides: user names, environment values, and secrets
 * inside the shell-escaped words that a broker passes to a connector. Only ever for the log: a reply keeps all.
 * Invariant: the order and the keys of a request stay as they came.
 */
import { isSecretName, redactText as redactEveryLog } from '../node/redact.js';

export const HIDDEN = '[HIDDEN]';

/** `User: admin`, `password=x`, `DB_PASSWORD\=x\;`: the name, what separates it, and the value. */
const inText =
  /((?:pass(?:wo?r?)?d|passphrase|secret|token|user(?:na?m?e?)?)(?:\\?["'])?\s*(?:=>|\\?[:=])+\\?\s*(?:\\?["'])?)((?:[^\s"'\\;,}]|\\[^;\s'"])+)/gi;

/** Arguments whose value is a secret or may hold one, though their name does not say so. */
const secretArguments: ReadonlySet<string> = new Set([
  '--with-iv',
  '--with-token',
  '--with-value',
  '--with-variables',
  '--with-priv-key',
  '--with-passphrase',
  '--with-secret-token',
]);

export function redactText(text: string): string {
  return redactEveryLog(text).replace(inText, (whole, name: string, value: string) =>
    value === HIDDEN ? whole : `${name}${HIDDEN}`,
  );
}

export function redactData(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 16) return HIDDEN;
  if (Array.isArray(value)) return value.map((item) => redactData(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      secretArguments.has(name) || isSecretName(name) ? HIDDEN : redactData(item, depth + 1),
    ]),
  );
}
