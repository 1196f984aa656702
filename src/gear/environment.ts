/**
 * A gear's environment, composed from files in a fixed order of precedence (later wins): the node's
 * variables, the gear's `.env`, each cartridge's `env`, what other cartridges published (`.env/<publisher>`),
 * the primary cartridge's `env` once more; then PATH and LD_LIBRARY_PATH out of their elements; then the
 * user's variables, which never replace one of the node's or the gear's. oo-login composes the same way for
 * SSH. Invariant: the environment is built from nothing, and only plain files below the home, reached without
 * following a link, become variables.
 */
import { Directory, type FolderContent } from '../native/beneath.js';
import { readGlobalEnvironment, variableValue } from '../node/global-environment.js';
import type { Node } from '../node/node.js';
import type { Gear } from './gear.js';
import { fileLabel, labelOption } from './label.js';
import { composePaths } from './path-elements.js';
import { MAX_VALUE, mayUserSet, parseVariableName, parseVariableValue } from './variable.js';

export type Variables = Record<string, string>;

const MAX_VARIABLES = 1024;
/** Well below what execve takes; the same bound as in oo-login. */
const MAX_BYTES = 1_048_576;
const DEFAULT_PATH = '/bin:/usr/bin:/usr/sbin:/sbin';

/** Of folders that have not changed: the same object as long as the folder's content is the same. */
const parsed = new WeakMap<FolderContent, Variables>();

/** What the tenant has made too large, or something else than a plain file, is no variable and stops no hook. */
function parse(content: FolderContent): Readonly<Variables> {
  let variables = parsed.get(content);
  if (variables === undefined) {
    variables = {};
    for (const [name, text] of content.files) variables[name] = variableValue(name, text);
    parsed.set(content, variables);
  }
  return variables;
}

function readFolder(home: Directory, path: string): FolderContent {
  return home.readFolder(path, MAX_VARIABLES, MAX_VALUE * 2);
}

/** An environment that execve would refuse helps nobody: what the gear added beyond the bound is left out. */
function bounded(variables: Variables, kept: Variables): Variables {
  let total = 0;
  return Object.fromEntries(
    Object.entries(variables)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .filter(([name, value]) => {
        const size = Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
        if (!(name in kept) && total + size > MAX_BYTES) return false;
        total += size;
        return true;
      }),
  );
}

/** The gear's own variables: the files in `HOME/.env` alone. */
export function readEnvironment(gear: Gear): Variables {
  const home = Directory.open(gear.home);
  try {
    return { ...parse(readFolder(home, '.env')) };
  } finally {
    home.close();
  }
}

/** Name of the primary cartridge's directory, or undefined before the first cartridge. */
export function primaryDirectory(own: Variables): string | undefined {
  const name = (own['OPENSHIFT_PRIMARY_CARTRIDGE_DIR'] ?? '').replace(/\/+$/, '').split('/').at(-1);
  return name === undefined || ['', '.', '..'].includes(name) ? undefined : name;
}

/** Everything an environment is made of; the objects are the same as before where nothing has changed. */
interface Parts {
  readonly global: Readonly<Variables>;
  readonly own: Readonly<Variables>;
  /** In the order in which they are laid over one another. */
  readonly others: readonly Readonly<Variables>[];
  readonly user: Readonly<Variables>;
}

function readParts(node: Node, gear: Gear, cartridge: string | undefined): Parts {
  const home = Directory.open(gear.home);
  try {
    const env = readFolder(home, '.env');
    const own = parse(env);
    const directories = readFolder(home, '.').folders.filter((name) => !name.startsWith('.'));
    const publishers = env.folders.filter((name) => name !== 'user_vars');
    const last = [cartridge, primaryDirectory(own)].filter((name) => name !== undefined);
    const paths = [
      ...directories.map((name) => `${name}/env`),
      ...publishers.map((name) => `.env/${name}`),
      ...last.map((name) => `${name}/env`),
    ];
    return {
      global: readGlobalEnvironment(node.paths.globalEnvironment),
      own,
      others: paths.map((path) => parse(readFolder(home, path))),
      user: parse(readFolder(home, '.env/user_vars')),
    };
  } finally {
    home.close();
  }
}

function compose(gear: Gear, { global, own, others, user }: Parts): Variables {
  const kept: Variables = { ...global, ...own };
  const variables: Variables = Object.assign({}, kept, ...others) as Variables;
  composePaths(variables, primaryDirectory(own), global['PATH'] ?? DEFAULT_PATH);
  for (const [name, value] of Object.entries(user)) {
    if (!mayUserSet(name)) continue;
    if (!Object.hasOwn(kept, name) || name === 'OPENSHIFT_SECRET_TOKEN') variables[name] = value;
  }
  return {
    SHELL: '/bin/bash',
    ...bounded(variables, kept),
    HOME: `${gear.home}/`,
    USER: gear.uuid,
    LOGNAME: gear.uuid,
  };
}

const MOST_COMPOSED = 1024;
/** Characters of one gear's environment: tenants must not fill the node's memory. */
const MOST_REMEMBERED = 64 * 1024;
const composed = new Map<string, { readonly parts: Parts; readonly variables: Variables }>();

function sameParts(a: Parts, b: Parts): boolean {
  return (
    a.global === b.global &&
    a.own === b.own &&
    a.user === b.user &&
    a.others.length === b.others.length &&
    a.others.every((part, index) => part === b.others[index])
  );
}

/**
 * The whole environment of a process of the gear; `cartridge` (a directory name) is laid on top of the
 * others. Every file is looked at each time, and composed anew when any part has changed.
 */
export function gearEnvironment(
  node: Node,
  gear: Gear,
  options: { readonly cartridge?: string } = {},
): Variables {
  const parts = readParts(node, gear, options.cartridge);
  const key = `${gear.home}/${options.cartridge ?? ''}`;
  let known = composed.get(key);
  if (known === undefined || !sameParts(known.parts, parts)) {
    if (composed.size >= MOST_COMPOSED) composed.clear();
    known = { parts, variables: compose(gear, parts) };
    let size = 0;
    for (const value of Object.values(known.variables)) size += value.length;
    if (size <= MOST_REMEMBERED) composed.set(key, known);
    else composed.delete(key);
  }
  return { ...known.variables };
}

/** Writes one variable of the gear (`HOME/.env/NAME`), readable for it but not its own. */
export function setVariable(node: Node, gear: Gear, name: string, value: string): void {
  const env = Directory.open(`${gear.home}/.env`);
  try {
    env.write(parseVariableName(name), parseVariableValue(value), {
      mode: 0o644,
      owner: { uid: 0, gid: gear.gid },
      ...labelOption(fileLabel(node, gear.uid)),
    });
  } finally {
    env.close();
  }
}

/** Removes one variable of the gear; an absent one is fine. */
export function removeVariable(gear: Gear, name: string): void {
  const env = Directory.open(`${gear.home}/.env`);
  try {
    env.unlink(parseVariableName(name), { missing: true });
  } finally {
    env.close();
  }
}
