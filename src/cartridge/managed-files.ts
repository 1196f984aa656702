/**
 * `metadata/managed_files.yml`: which files of a cartridge are the node's, are templates, or stay out of a snapshot.
 * Invariant: an entry always names something below the cartridge or, with `~/`, below the gear's home; what leads
 * elsewhere is left out, and the files that say what the cartridge is are in no list.
 */
import { parse } from 'yaml';
import { errnoOf } from '../native/error.js';
import type { Directory } from '../native/beneath.js';

export type ManagedList =
  | 'locked_files'
  | 'processed_templates'
  | 'snapshot_exclusions'
  | 'setup_rewritten'
  | 'dependency_dirs'
  | 'build_dependency_dirs';

/** Paths relative to the gear's home, as written; a trailing slash means a directory. */
export type ManagedFiles = Readonly<Record<ManagedList, readonly string[]>>;

const lists: readonly ManagedList[] = [
  'locked_files',
  'processed_templates',
  'snapshot_exclusions',
  'setup_rewritten',
  'dependency_dirs',
  'build_dependency_dirs',
];
const MAX_FOUND = 10_000;

/** `conf/x` -> `<directory>/conf/x`; undefined when it leaves the home. */
function beneathHome(directory: string, entry: string): string | undefined {
  const trimmed = entry.trim();
  const relative = trimmed.startsWith('~/') ? trimmed.slice(2) : `${directory}/${trimmed}`;
  const parts: string[] = [];
  for (const part of relative.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  if (parts.length === 0) return undefined;
  return `${parts.join('/')}${trimmed.endsWith('/') ? '/' : ''}`;
}

function immutable(directory: string, short: string, path: string): boolean {
  const bare = path.replace(/\/$/, '');
  const fixed = ['metadata/manifest.yml', 'metadata/managed_files.yml', 'metadata', 'bin', 'env'];
  const variables = [`env/OPENSHIFT_${short}_IDENT`, `env/OPENSHIFT_${short}_DIR`];
  return bare === directory || [...fixed, ...variables].some((name) => bare === `${directory}/${name}`);
}

function entriesOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value
    .map((entry: unknown) =>
      typeof entry === 'string' ? entry : (Object.keys((entry ?? {}) as object)[0] ?? ''),
    )
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** `short` is the cartridge's short name, which its own variables begin with. */
export function parseManagedFiles(
  source: string | undefined,
  directory: string,
  short: string,
): ManagedFiles {
  let document: unknown;
  try {
    document = source === undefined ? {} : parse(source, { schema: 'failsafe', logLevel: 'error' });
  } catch {
    document = {};
  }
  const map = (typeof document === 'object' && document !== null ? document : {}) as Record<string, unknown>;
  const found = Object.fromEntries(
    lists.map((name) => [
      name,
      entriesOf(map[name] ?? map[`:${name}`])
        .map((entry) => beneathHome(directory, entry))
        .filter((entry) => entry !== undefined)
        .filter((entry) => !immutable(directory, short, entry)),
    ]),
  ) as Record<ManagedList, string[]>;
  return { ...found, locked_files: found.locked_files.filter((entry) => mayBeLocked(directory, entry)) };
}

/** Below `app-root`, a dot entry directly in the home, or inside the cartridge; never what the node keeps to itself. */
function mayBeLocked(directory: string, entry: string): boolean {
  const top = entry.split('/')[0] ?? '';
  if (['.ssh', '.sandbox', '.tmp', '.env'].some((reserved) => top.startsWith(reserved))) return false;
  if (top.startsWith('.')) return entry.replace(/\/$/, '') === top;
  return top === directory || (top === 'app-root' && entry !== 'app-root/' && entry !== 'app-root');
}

function matcher(segment: string): RegExp {
  return new RegExp(
    `^${segment
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
}

/** The files (and, with `directories`, also directories and links) that an entry stands for. */
export function expand(home: Directory, entry: string, directories = false): readonly string[] {
  if (!entry.includes('*')) return [entry];
  const found: string[] = [];
  const walk = (path: string, rest: readonly string[]): void => {
    const [segment, ...others] = rest;
    if (segment === undefined || found.length >= MAX_FOUND) return;
    if (segment === '**') walk(path, others);
    let entries: ReturnType<Directory['list']>;
    try {
      entries = home.list(path === '' ? '.' : path);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV'].includes(errnoOf(error) ?? '')) return;
      throw error;
    }
    const wanted = segment === '**' ? /^/ : matcher(segment);
    for (const { name, type } of entries) {
      if (!wanted.test(name)) continue;
      const next = path === '' ? name : `${path}/${name}`;
      if (segment === '**') {
        if (type === 'directory') walk(next, rest);
      } else if (others.length > 0) {
        if (type === 'directory') walk(next, others);
      } else if (type === 'file' || (directories && (type === 'directory' || type === 'symlink')))
        found.push(next);
    }
  };
  walk('', entry.replace(/\/$/, '').split('/'));
  return found.sort();
}
