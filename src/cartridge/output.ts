/**
 * What a hook prints, checked before it becomes a reply. Lines that make the broker act (`VERB: value`) are taken only
 * from code that the node put in place as root, only those that this kind of hook may say, and only in their exact
 * grammar. Invariant: whatever a tenant's own script prints can leave here as `CLIENT_MESSAGE: ` and as nothing else.
 */
export type HookKind =
  'setup' | 'install' | 'post_install' | 'teardown' | 'control' | 'connector' | 'action-hook';

export const CUT_HERE = '(The output was longer; it was cut here.)';

const client = ['CLIENT_RESULT', 'CLIENT_MESSAGE', 'CLIENT_ERROR', 'CLIENT_INTERNAL_ERROR', 'CLIENT_DEBUG'];
const facts = ['APP_INFO', 'ATTR', 'CART_DATA', 'CART_PROPERTIES'];
const keys = ['SSH_KEY_ADD', 'SSH_KEY_REMOVE', 'APP_SSH_KEY_ADD', 'APP_SSH_KEY_REMOVE'];
const variables = ['ENV_VAR_ADD', 'ENV_VAR_ADD_UNIQUE', 'ENV_VAR_REMOVE', 'APP_ENV_VAR_REMOVE'];
const auth = ['BROKER_AUTH_KEY_ADD', 'BROKER_AUTH_KEY_REMOVE'];
// The node says these itself; no hook may.
const reserved = ['NOTIFY_ENDPOINT_CREATE', 'NOTIFY_ENDPOINT_DELETE', 'NOTIFY_MAPPING_CREATE'];

const known = new Set([...client, ...facts, ...keys, ...variables, ...auth, ...reserved]);
const everything = new Set([...client, ...facts, ...keys, ...variables, ...auth]);
const allowed: Readonly<Record<HookKind, ReadonlySet<string>>> = {
  setup: everything,
  install: everything,
  post_install: everything,
  teardown: everything,
  // May run code of the tenant: it speaks to the client, no more.
  control: new Set(client),
  connector: new Set(client),
  'action-hook': new Set(),
};

const pair = /^[A-Za-z_][\w.-]*=.*$/;
const variable = /^[A-Za-z_]\w*$/;
const assignment = /^[A-Za-z_]\w*=.*$/;
const base64 = /^[A-Za-z0-9+/]{16,16384}={0,2}$/;
const anything = /^.*$/;
const grammar: Readonly<Record<string, RegExp>> = {
  ATTR: pair,
  CART_DATA: pair,
  CART_PROPERTIES: pair,
  SSH_KEY_ADD: base64,
  SSH_KEY_REMOVE: /^$/,
  APP_SSH_KEY_ADD: /^[\w.-]{1,64} [A-Za-z0-9+/]{16,16384}={0,2}$/,
  APP_SSH_KEY_REMOVE: /^[\w.-]{1,64}$/,
  ENV_VAR_ADD: assignment,
  ENV_VAR_ADD_UNIQUE: assignment,
  ENV_VAR_REMOVE: variable,
  APP_ENV_VAR_REMOVE: variable,
  BROKER_AUTH_KEY_ADD: /^$/,
  BROKER_AUTH_KEY_REMOVE: /^$/,
};

/** The text without what could end, hide or forge a line. */
function cleaned(bytes: Uint8Array | string): string {
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8');
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028-\u202e\u2066-\u2069]/g, '');
}

function linesOf(text: string): string[] {
  if (text === '') return [];
  return text.replace(/\n$/, '').split('\n');
}

function checkedLine(kind: HookKind, line: string): string {
  if (kind === 'action-hook') return `CLIENT_MESSAGE: ${line.replace(/^CLIENT_[A-Z_]+: ?/, '')}`;
  const verb = /^([A-Z_]+):/.exec(line)?.[1];
  if (verb === undefined || !known.has(verb)) return line;
  const value = line.slice(verb.length + 2);
  const wellFormed = line[verb.length + 1] === ' ' && (grammar[verb] ?? anything).test(value);
  return wellFormed && allowed[kind].has(verb) ? line : `CLIENT_MESSAGE: ${line}`;
}

/** The lines of a hook that succeeded, each allowed; others have become messages to the client. Ends with a newline. */
export function checkedOutput(kind: HookKind, stdout: Uint8Array | string, truncated = false): string {
  const lines = linesOf(cleaned(stdout));
  const last = truncated ? lines.pop() : undefined;
  const checked = lines.map((line) => checkedLine(kind, line));
  if (last !== undefined) checked.push(`CLIENT_MESSAGE: ${last}`, `CLIENT_MESSAGE: ${CUT_HERE}`);
  return checked.map((line) => `${line}\n`).join('');
}

/** What a failed hook said, all of it for the client: its stdout as messages, its stderr as errors. */
export function failureOutput(stdout: Uint8Array | string, stderr: Uint8Array | string): string {
  const translate = (source: Uint8Array | string, prefix: string): string[] =>
    linesOf(cleaned(source)).map((line) =>
      client.some((verb) => line.startsWith(`${verb}: `)) ? line : `${prefix}: ${line}`,
    );
  return [...translate(stdout, 'CLIENT_MESSAGE'), ...translate(stderr, 'CLIENT_ERROR')]
    .map((line) => `${line}\n`)
    .join('');
}

/** The exit code of a failed configure: what a script returns below 100 says nothing to the broker. */
export function configureExitCode(code: number | undefined): number {
  return code === undefined || code < 100 ? 157 : code;
}
