/**
 * Secrets out of what is about to be logged: values whose name says that they are secret, and words after
 * `password:` and the like inside free text. Invariant: redaction only ever shortens to `[HIDDEN]`; it never
 * fails and never adds.
 */
const HIDDEN = '[HIDDEN]';
const secretName = /pass(w(or)?d|phrase)?|secret|token|^(--with-)?iv$|priv(ate)?[-_]?key|credential/i;
const inText =
  /\b([\w.-]*(?:passw(?:or)?d|passphrase|secret|token)[\w.-]*)(["']?\s*(?:=>|[:=])\s*)("[^"\n]*"|'[^'\n]*'|[^\s"',;}]+)/gi;
const inUrl = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:)[^\s@/]+@/gi;

/** Does a parameter of this name carry a secret? */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

export function redactText(text: string): string {
  return text
    .replace(inText, (_, name: string, between: string) => `${name}${between}${HIDDEN}`)
    .replace(inUrl, (_, before: string) => `${before}${HIDDEN}@`);
}

/** The same value with secrets hidden, at any depth. */
export function redactValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null || depth > 8) return value;
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      isSecretName(name) ? HIDDEN : redactValue(inner, depth + 1),
    ]),
  );
}
