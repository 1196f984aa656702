/**
 * Cartridges as they stand in a gear. Invariant: only a directory that root made counts (its `metadata` and `bin` are
 * root's, the tenant cannot put them there), so a `Cartridge` can be believed about its name, version and endpoints.
 */
import { errnoOf, OoError } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import { primaryDirectory, readEnvironment } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import { parseManifest, type Manifest } from './manifest.js';
import { plainName } from './repository.js';

export interface Cartridge {
  /** Name below the gear's home, and absolute path. */
  readonly directory: string;
  readonly path: string;
  /** By what it is known in this gear (an alias, or its own name). */
  readonly name: string;
  readonly version: string;
  /** For the version that is installed, whatever it is called here. */
  readonly manifest: Manifest;
}

export const ORIGIN = 'metadata/origin';

/** `vendor:name:version:cartridge_version`. */
export interface Ident {
  readonly vendor: string;
  readonly name: string;
  readonly version: string;
  readonly cartridgeVersion: string;
}

export function identText(ident: Ident): string {
  return [ident.vendor, ident.name, ident.version, ident.cartridgeVersion].join(':');
}

export function parseIdent(text: string): Ident | undefined {
  const [vendor, name, version, cartridgeVersion, ...rest] = text.trim().split(':');
  if (vendor === undefined || name === undefined || version === undefined || cartridgeVersion === undefined)
    return undefined;
  return rest.length === 0 ? { vendor, name, version, cartridgeVersion } : undefined;
}

function trusted(home: Directory, path: string, type: 'file' | 'directory'): boolean {
  try {
    const info = home.stat(path);
    return info.uid === 0 && info.type === type;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

function cartridgeIn(home: Directory, gear: Gear, directory: string): Cartridge | undefined {
  const manifestPath = `${directory}/metadata/manifest.yml`;
  if (!trusted(home, directory, 'directory') || !trusted(home, `${directory}/metadata`, 'directory'))
    return undefined;
  if (!trusted(home, manifestPath, 'file')) return undefined;
  const source = home.readText(manifestPath);
  const origin = parseIdent(home.tryReadText(`${directory}/${ORIGIN}`) ?? '');
  const manifest = parseManifest(source, `${gear.uuid}/${directory}`, origin?.version);
  const ident = parseIdent(home.tryReadText(`${directory}/env/OPENSHIFT_${manifest.shortName}_IDENT`) ?? '');
  return {
    directory,
    path: `${gear.home}/${directory}`,
    name: ident?.name ?? manifest.name,
    version: ident?.version ?? manifest.version,
    manifest,
  };
}

/** Every cartridge of the gear, in the order of their directories' names. */
export function listCartridges(gear: Gear): readonly Cartridge[] {
  using home = Directory.open(gear.home);
  return home
    .list()
    .filter((entry) => entry.type === 'directory' && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort()
    .map((name) => cartridgeIn(home, gear, name))
    .filter((cartridge) => cartridge !== undefined);
}

/** The cartridge asked for, by its directory, by name and version as known here, or by what it really is. */
export function findCartridge(gear: Gear, asked: string): Cartridge | undefined {
  const plain = plainName(asked);
  const all = listCartridges(gear);
  return (
    all.find((cartridge) => cartridge.directory === plain) ??
    all.find((cartridge) => plain === `${cartridge.name}-${cartridge.version}`) ??
    all.find(({ manifest }) => [manifest.name, `${manifest.name}-${manifest.version}`].includes(plain))
  );
}

export function openCartridge(gear: Gear, asked: string): Cartridge {
  const found = findCartridge(gear, asked);
  if (found !== undefined) return found;
  throw new OoError(
    `Gear ${gear.uuid} has no cartridge ${JSON.stringify(asked.slice(0, 80))}. Nothing was done.`,
    { code: 'ERR_CARTRIDGE_ABSENT', exitCode: 1, gear: gear.uuid },
  );
}

/** The gear's first cartridge, which its state and its front door belong to. */
export function primaryCartridge(gear: Gear): Cartridge | undefined {
  const directory = primaryDirectory(readEnvironment(gear));
  return listCartridges(gear).find((cartridge) => cartridge.directory === directory);
}

export function isDeployable(manifest: Manifest): boolean {
  return manifest.categories.includes('web_framework');
}

/** Stands before the web servers of all gears of an application. */
export function isWebProxy(manifest: Manifest): boolean {
  return manifest.categories.includes('web_proxy');
}
