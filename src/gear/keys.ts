/**
 * Keys that open a gear's SSH door: `HOME/.ssh/authorized_keys`, root's, readable for the gear, replaced
 * whole. Every line carries the forced command and `restrict`, and is known by its last field,
 * `OPENSHIFT-<uuid>-<comment>`: a key with the same comment replaces the one before. Invariant: nothing a
 * caller sends can end a line, add an option, or stand where the forced command stands.
 */
import { Directory } from '../native/beneath.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import type { Gear } from './gear.js';
import { fileLabel, labelOption } from './label.js';
import { checkPublicKey } from './public-key.js';

const FILE = 'authorized_keys';
const LIMIT = 1_048_576;
const MAX_COMMENT = 256;

export interface SshKey {
  readonly type: string;
  /** Base64, as in a public key file. */
  readonly key: string;
  readonly comment: string;
}

export interface AuthorizedKey {
  readonly id: string;
  readonly type: string;
  readonly key: string;
}

function refused(message: string): OoError {
  return new OoError(`${message}. No key was changed.`, { code: 'ERR_BAD_KEY', exitCode: 255 });
}

function checkComment(comment: string): string {
  if (comment.length > MAX_COMMENT)
    throw refused(`The comment of a key is at most ${MAX_COMMENT} characters`);
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(comment) || comment !== comment.trim()) {
    throw refused('The comment of a key is one line of printable text without blanks around it');
  }
  return comment;
}

export function keyId(uuid: string, comment: string): string {
  return `OPENSHIFT-${uuid}-${checkComment(comment)}`;
}

export function formatKey(shell: string, uuid: string, key: SshKey): string {
  checkPublicKey(key.type, key.key);
  return lineOf(shell, { type: key.type, key: key.key, id: keyId(uuid, key.comment) });
}

/**
 * Our own lines: options up to the type, then key and id. A line of any other shape is not ours and is
 * dropped.
 */
export function parseKeys(text: string): readonly AuthorizedKey[] {
  return text.split('\n').flatMap((line) => {
    const match = /^command="[^"]*",\S+ (\S+) (\S+) (OPENSHIFT-.*)$/.exec(line);
    const [, type, key, id] = match ?? [];
    return type === undefined || key === undefined || id === undefined ? [] : [{ type, key, id }];
  });
}

function lineOf(shell: string, { type, key, id }: AuthorizedKey): string {
  return `command="${shell}",restrict,pty ${type} ${key} ${id}`;
}

function edit(
  node: Node,
  gear: Gear,
  change: (keys: readonly AuthorizedKey[]) => readonly AuthorizedKey[],
): void {
  const ssh = Directory.open(`${gear.home}/.ssh`);
  try {
    const text = ssh.tryReadText(FILE, LIMIT) ?? '';
    const next = change(parseKeys(text))
      .map((key) => `${lineOf(node.config.gearShell, key)}\n`)
      .join('');
    if (next === text) return;
    if (Buffer.byteLength(next) > LIMIT) throw refused('The gear has too many keys');
    ssh.write(FILE, next, {
      mode: 0o440,
      owner: { uid: 0, gid: gear.gid },
      ...labelOption(fileLabel(node, gear.uid)),
    });
  } finally {
    ssh.close();
  }
}

export function listKeys(gear: Gear): readonly AuthorizedKey[] {
  const ssh = Directory.open(`${gear.home}/.ssh`);
  try {
    return parseKeys(ssh.tryReadText(FILE, LIMIT) ?? '');
  } finally {
    ssh.close();
  }
}

/** Adds a key, in place of the one with the same comment if there is one. */
export function addKey(node: Node, gear: Gear, key: SshKey): void {
  checkPublicKey(key.type, key.key);
  const entry: AuthorizedKey = { type: key.type, key: key.key, id: keyId(gear.uuid, key.comment) };
  edit(node, gear, (keys) => {
    const at = keys.findIndex(({ id }) => id === entry.id);
    return at < 0 ? [...keys, entry] : keys.map((known, index) => (index === at ? entry : known));
  });
}

/** Removes the keys with this text, or with this comment, or (both given) with both. Absent ones are fine. */
export function removeKey(
  node: Node,
  gear: Gear,
  which: { readonly key?: string; readonly comment?: string },
): void {
  if (which.key === undefined && which.comment === undefined)
    throw refused('Neither a key nor a comment was given');
  const id = which.comment === undefined ? undefined : keyId(gear.uuid, which.comment);
  edit(node, gear, (keys) =>
    keys.filter(
      (known) =>
        !((which.key === undefined || known.key === which.key) && (id === undefined || known.id === id)),
    ),
  );
}

/** Puts exactly these keys in force; none is allowed. */
export function replaceKeys(node: Node, gear: Gear, keys: readonly SshKey[]): void {
  const entries = new Map<string, AuthorizedKey>();
  for (const key of keys) {
    checkPublicKey(key.type, key.key);
    const id = keyId(gear.uuid, key.comment);
    entries.set(id, { type: key.type, key: key.key, id });
  }
  edit(node, gear, () => [...entries.values()]);
}
