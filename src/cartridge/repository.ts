/**
 * The node's cartridges: `<vendor>-<name>/<cartridge version>/` folders that belong to root, read to know what a gear
 * may ask for. `embedded/X` and `X` are one name; a name may be an alias. Invariant: what `select` returns exists, and
 * `knownAs` is the name and version by which that cartridge will be known in the gear that asks for it.
 */
import { withLock } from '../host/lock.js';
import { errnoOf, OoError } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import { LockFile } from '../native/lock.js';
import type { Node } from '../node/node.js';
import { parseAlias, readAliases, removeAlias, setAlias } from './aliases.js';
import { parseManifest, type Manifest } from './manifest.js';
import { compareVersions } from './version.js';

export interface RepositoryEntry {
  readonly vendor: string;
  readonly name: string;
  readonly versions: readonly string[];
  readonly cartridgeVersion: string;
  /** Below the repository. */
  readonly path: string;
  readonly source: string;
}

export interface Selection {
  readonly manifest: Manifest;
  /** Folder of the cartridge, below the repository. */
  readonly path: string;
  /** By what it was asked for: the directory in the gear, the name and the version in replies. */
  readonly knownAs: { readonly directory: string; readonly name: string; readonly version: string };
}

export function openRepository(node: Node): Directory {
  return Directory.open(node.paths.cartridgeRepository);
}

function folders(directory: Directory, path?: string): string[] {
  return directory
    .list(path)
    .filter((entry) => entry.type === 'directory' && !entry.name.startsWith('.'))
    .map((entry) => entry.name);
}

function entryAt(repository: Directory, path: string): RepositoryEntry | undefined {
  let source: string | undefined;
  try {
    source = repository.tryReadText(`${path}/metadata/manifest.yml`);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTDIR' && errnoOf(error) !== 'ENOENT') throw error;
  }
  if (source === undefined || source === '') return undefined;
  const manifest = parseManifest(source, path);
  return {
    vendor: manifest.vendor,
    name: manifest.name,
    versions: manifest.versions,
    cartridgeVersion: manifest.cartridgeVersion,
    path,
    source,
  };
}

/** Everything installed, each cartridge's versions in ascending order. */
export function listRepository(node: Node): readonly RepositoryEntry[] {
  using repository = openRepository(node);
  const found: RepositoryEntry[] = [];
  for (const name of folders(repository).sort()) {
    const versions = folders(repository, name).sort(compareVersions);
    for (const version of versions) {
      const entry = entryAt(repository, `${name}/${version}`);
      if (entry !== undefined) found.push(entry);
    }
  }
  return found;
}

/** Alias -> what it stands for. */
export function listAliases(node: Node): ReadonlyMap<string, string> {
  using repository = openRepository(node);
  return readAliases(repository);
}

/** Lines of `oo-admin-cartridge --list`, then the aliases. */
export function repositoryText(node: Node): string {
  const rows = listRepository(node).flatMap((entry) =>
    entry.versions.map(
      (version) => `(${entry.vendor}, ${entry.name}, ${version}, ${entry.cartridgeVersion})`,
    ),
  );
  return [...rows, ...[...listAliases(node)].map(([name, target]) => `${name} -> ${target}`)]
    .map((line) => `${line}\n`)
    .join('');
}

/** `embedded/mysql-5.1` -> `mysql-5.1`. */
export function plainName(asked: string): string {
  return asked.replace(/^embedded\//, '').toLowerCase();
}

function match(
  entries: readonly RepositoryEntry[],
  asked: string,
): readonly [RepositoryEntry, string] | undefined {
  // The last entry of a name is its newest cartridge version.
  for (const entry of [...entries].reverse()) {
    const names = [entry.name, `${entry.vendor}-${entry.name}`];
    const first = entry.versions[0] ?? '0.0.0';
    if (names.includes(asked)) return [entry, first];
    for (const version of entry.versions)
      if (names.some((name) => asked === `${name}-${version}`)) return [entry, version];
  }
  return undefined;
}

/** `php-5.3` -> php and 5.3; an alias without a version keeps the version of what it stands for. */
function aliasParts(alias: string, version: string): { name: string; version: string } {
  const parts = /^(.+)-(\d+(?:\.\d+)*)$/.exec(alias);
  return parts === null
    ? { name: alias, version }
    : { name: parts[1] ?? alias, version: parts[2] ?? version };
}

/** What a gear gets that asks for `asked`, or `ERR_NO_CARTRIDGE`. */
export function selectCartridge(node: Node, asked: string): Selection {
  const plain = plainName(asked);
  const target = listAliases(node).get(plain);
  const found = match(listRepository(node), target ?? plain);
  if (found === undefined) {
    const why = target === undefined ? '' : ` (an alias of ${target}, which is not installed)`;
    throw new OoError(
      `The cartridge ${JSON.stringify(plain.slice(0, 80))}${why} is not installed on this node. Nothing was done; see oo-admin-cartridge --list.`,
      { code: 'ERR_NO_CARTRIDGE', exitCode: 127 },
    );
  }
  const [entry, version] = found;
  const manifest = parseManifest(entry.source, entry.path, version);
  const own = { directory: manifest.name.toLowerCase(), name: manifest.name, version };
  const known = target === undefined ? own : { directory: plain, ...aliasParts(plain, version) };
  return { manifest, path: entry.path, knownAs: known };
}

function refused(message: string, code = 'ERR_CARTRIDGE_INSTALL', cause?: unknown): OoError {
  return new OoError(`${message} Nothing was changed.`, { code, exitCode: 1, cause });
}

const lockFiles = new Map<string, LockFile>();

/** One change of the repository at a time on this node; readers need no lock, a name is there or not. */
async function exclusively<T>(node: Node, work: (repository: Directory) => Promise<T> | T): Promise<T> {
  const path = node.paths.repositoryLock;
  const file = lockFiles.get(path) ?? LockFile.open(path);
  lockFiles.set(path, file);
  return withLock(file, 0n, async () => {
    using repository = openRepository(node);
    return await work(repository);
  });
}

/** What an install or erase that was killed has left beside the versions of a cartridge. */
async function sweep(repository: Directory, parent: string): Promise<void> {
  for (const { name } of repository.list(parent))
    if (name.startsWith('.')) await repository.removeTree(`${parent}/${name}`);
}

/** Takes a version out of sight at once; `sweep` takes it away. */
function hide(repository: Directory, parent: string, version: string): void {
  if (repository.exists(`${parent}/${version}`))
    repository.rename(`${parent}/${version}`, `${parent}/.gone-${version}`);
}

async function place(repository: Directory, folder: Directory, manifest: Manifest): Promise<string> {
  const parent = `${manifest.vendor}-${manifest.name}`;
  const version = manifest.cartridgeVersion;
  const fresh = `${parent}/.fresh-${version}`;
  const owner = { uid: 0, gid: 0 };
  repository.makeDirectory(parent, { mode: 0o755, owner, existing: true });
  await sweep(repository, parent);
  await repository.copyTree(folder, '.', fresh, { owner });
  // The new one is complete before the old one goes.
  hide(repository, parent, version);
  repository.rename(fresh, `${parent}/${version}`);
  await sweep(repository, parent);
  return `${parent}/${version}`;
}

/** Copies the cartridge in `source` (an absolute folder of root's) into the repository, in place of the same version. */
export async function installCartridge(node: Node, source: string): Promise<RepositoryEntry> {
  let folder: Directory;
  try {
    folder = Directory.open(source);
  } catch (cause) {
    throw refused(`Illegal path to cartridge source: '${source}'.`, 'ERR_CARTRIDGE_INSTALL', cause);
  }
  try {
    const text = folder.exists('metadata') ? folder.tryReadText('metadata/manifest.yml') : undefined;
    if (text === undefined)
      throw refused(`Cartridge manifest.yml missing: '${source}/metadata/manifest.yml'.`);
    const manifest = parseManifest(text, source);
    if (!folder.exists('bin')) throw refused(`Malformed cartridge: ${source}/bin is not a directory.`);
    const { vendor, name, versions, cartridgeVersion } = manifest;
    const path = await exclusively(node, (repository) => place(repository, folder, manifest));
    return { vendor, name, versions, cartridgeVersion, path, source: text };
  } finally {
    folder.close();
  }
}

/** Removes one cartridge version, with all its software versions and the aliases that led to them. */
export function eraseCartridge(
  node: Node,
  what: { vendor: string; name: string; cartridgeVersion: string },
): Promise<void> {
  const { vendor, name, cartridgeVersion } = what;
  return exclusively(node, async (repository) => {
    const entry = listRepository(node).find(
      (each) => each.vendor === vendor && each.name === name && each.cartridgeVersion === cartridgeVersion,
    );
    if (entry === undefined)
      throw refused(`key not found: (${vendor}, ${name}, ${cartridgeVersion}).`, 'ERR_NO_CARTRIDGE');
    const [parent = '', version = ''] = entry.path.split('/');
    hide(repository, parent, version);
    await sweep(repository, parent);
    if (repository.list(parent).length === 0) repository.removeDirectory(parent);
    const left = listRepository(node);
    for (const [alias, target] of readAliases(repository))
      if (match(left, target) === undefined) removeAlias(repository, alias);
  });
}

/** `php-5.3=php-8.2`: from now on the first name is answered with the second cartridge. */
export async function aliasCartridge(node: Node, text: string): Promise<void> {
  const [name, target] = parseAlias(text);
  await exclusively(node, (repository) => {
    if (match(listRepository(node), target) === undefined)
      throw refused(`The cartridge ${target} is not installed on this node.`, 'ERR_NO_CARTRIDGE');
    setAlias(repository, name, target);
  });
}

export function unaliasCartridge(node: Node, name: string): Promise<void> {
  return exclusively(node, (repository) => removeAlias(repository, name));
}
