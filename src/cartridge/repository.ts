/**
 * The node's cartridges: `<vendor>-<name>/<cartridge version>/` folders that belong to root, read to know what a gear
 * may ask for. `embedded/X` and `X` are one name; a name may be an alias. Invariant: what `select` returns exists, and
 * `knownAs` is the name and version by which that cartridge will be known in the gear that asks for it.
 */
import { errnoOf, OoError } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import type { Node } from '../node/node.js';
import { parseAlias, readAliases, removeAlias, setAlias } from './aliases.js';
import { offeredVersions, parseManifest, type Manifest } from './manifest.js';
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
    using repository = openRepository(node);
    const parent = `${manifest.vendor}-${manifest.name}`;
    const path = `${parent}/${manifest.cartridgeVersion}`;
    const fresh = `${parent}/.${manifest.cartridgeVersion}.${process.pid}`;
    const owner = { uid: 0, gid: 0 };
    repository.makeDirectory(parent, { mode: 0o755, owner, existing: true });
    await repository.removeTree(fresh);
    await repository.copyTree(folder, '.', fresh, { owner });
    // The new one is complete before the old one goes.
    await repository.removeTree(path);
    repository.rename(fresh, path);
    return {
      vendor: manifest.vendor,
      name: manifest.name,
      versions: offeredVersions(text, source),
      cartridgeVersion: manifest.cartridgeVersion,
      path,
      source: text,
    };
  } finally {
    folder.close();
  }
}

/** Removes one cartridge version, with all its software versions and the aliases that led to them. */
export async function eraseCartridge(
  node: Node,
  what: { vendor: string; name: string; cartridgeVersion: string },
): Promise<void> {
  const entry = listRepository(node).find(
    (each) =>
      each.vendor === what.vendor &&
      each.name === what.name &&
      each.cartridgeVersion === what.cartridgeVersion,
  );
  if (entry === undefined) {
    throw refused(
      `key not found: (${what.vendor}, ${what.name}, ${what.cartridgeVersion}).`,
      'ERR_NO_CARTRIDGE',
    );
  }
  {
    using repository = openRepository(node);
    await repository.removeTree(entry.path);
    const parent = entry.path.split('/')[0] ?? '';
    if (repository.list(parent).length === 0) repository.removeDirectory(parent);
  }
  const left = listRepository(node);
  using repository = openRepository(node);
  for (const [name, target] of readAliases(repository))
    if (match(left, target) === undefined) removeAlias(repository, name);
}

/** `php-5.3=php-8.2`: from now on the first name is answered with the second cartridge. */
export function aliasCartridge(node: Node, text: string): void {
  const [name, target] = parseAlias(text);
  if (match(listRepository(node), target) === undefined)
    throw refused(`The cartridge ${target} is not installed on this node.`, 'ERR_NO_CARTRIDGE');
  using repository = openRepository(node);
  setAlias(repository, name, target);
}

export function unaliasCartridge(node: Node, name: string): void {
  using repository = openRepository(node);
  removeAlias(repository, name);
}
