/**
 * A gear's environment, composed from files in a fixed order of precedence (later wins): the node's
 * variables, the gear's `.env`, each cartridge's `env`, what other cartridges published (`.env/<publisher>`),
 * the primary cartridge's `env` once more; then PATH and LD_LIBRARY_PATH out of their elements; then the
 * user's variables, which never replace one of the node's or the gear's. oo-login composes the same way for
 * SSH. Invariant: the environment is built from nothing, and only plain files below the home, reached without
 * following a link, become variables.
 */
import { Directory } from '../native/beneath.js';
import { errnoOf } from '../native/error.js';
import { readGlobalEnvironment } from '../node/global-environment.js';
import type { Node } from '../node/node.js';
import type { Gear } from './gear.js';
import { fileLabel, labelOption } from './label.js';
import { composePaths } from './path-elements.js';
import {
  isVariableName,
  mayUserSet,
  parseVariableName,
  parseVariableValue,
  readVariable,
} from './variable.js';

export type Variables = Record<string, string>;

const MAX_VARIABLES = 1024;
/** Well below what execve takes; the same bound as in oo-login. */
const MAX_BYTES = 1_048_576;
const DEFAULT_PATH = '/bin:/usr/bin:/usr/sbin:/sbin';

function readFolder(home: Directory, path: string): Variables {
  const variables: Variables = {};
  let folder: Directory;
  try {
    folder = home.directory(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV'].includes(errnoOf(error) ?? '')) return variables;
    throw error;
  }
  try {
    const names = folder.list().filter((entry) => entry.type === 'file' && isVariableName(entry.name));
    for (const { name } of names.slice(0, MAX_VARIABLES)) {
      const value = plainVariable(folder, name);
      if (value !== undefined) variables[name] = value;
    }
  } catch (error) {
    if (errnoOf(error) !== 'EOVERFLOW') throw error; // more entries than a folder of variables ever has
  } finally {
    folder.close();
  }
  return variables;
}

/** What the tenant has made too large, or something else than a file since it was listed, is no variable. */
function plainVariable(folder: Directory, name: string): string | undefined {
  try {
    return readVariable(folder, name);
  } catch (error) {
    if (['EFBIG', 'EINVAL', 'ELOOP', 'ENXIO', 'EXDEV', 'ENOTDIR', 'EISDIR'].includes(errnoOf(error) ?? ''))
      return undefined;
    throw error;
  }
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

function folders(home: Directory, path: string): readonly string[] {
  return home
    .list(path)
    .filter((entry) => entry.type === 'directory')
    .map((entry) => entry.name)
    .sort();
}

/** The gear's own variables: the files in `HOME/.env` alone. */
export function readEnvironment(gear: Gear): Variables {
  const home = Directory.open(gear.home);
  try {
    return readFolder(home, '.env');
  } finally {
    home.close();
  }
}

/** Name of the primary cartridge's directory, or undefined before the first cartridge. */
export function primaryDirectory(own: Variables): string | undefined {
  const name = (own['OPENSHIFT_PRIMARY_CARTRIDGE_DIR'] ?? '').replace(/\/+$/, '').split('/').at(-1);
  return name === undefined || ['', '.', '..'].includes(name) ? undefined : name;
}

/**
 * The whole environment of a process of the gear; `cartridge` (a directory name) is laid on top of the
 * others.
 */
export function gearEnvironment(
  node: Node,
  gear: Gear,
  options: { readonly cartridge?: string } = {},
): Variables {
  const home = Directory.open(gear.home);
  try {
    const global = readGlobalEnvironment(node.paths.globalEnvironment);
    const own = readFolder(home, '.env');
    const kept: Variables = { ...global, ...own };
    const variables: Variables = { ...kept };
    for (const name of folders(home, '.'))
      if (!name.startsWith('.')) Object.assign(variables, readFolder(home, `${name}/env`));
    for (const name of folders(home, '.env'))
      if (name !== 'user_vars') Object.assign(variables, readFolder(home, `.env/${name}`));
    const primary = primaryDirectory(own);
    if (options.cartridge !== undefined)
      Object.assign(variables, readFolder(home, `${options.cartridge}/env`));
    if (primary !== undefined) Object.assign(variables, readFolder(home, `${primary}/env`));
    composePaths(variables, primary, global['PATH'] ?? DEFAULT_PATH);
    for (const [name, value] of Object.entries(readFolder(home, '.env/user_vars'))) {
      if (!mayUserSet(name)) continue;
      if (!(name in kept) || name === 'OPENSHIFT_SECRET_TOKEN') variables[name] = value;
    }
    return {
      SHELL: '/bin/bash',
      ...bounded(variables, kept),
      HOME: `${gear.home}/`,
      USER: gear.uuid,
      LOGNAME: gear.uuid,
    };
  } finally {
    home.close();
  }
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
