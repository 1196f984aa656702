/**
 * Puts a cartridge of the repository into a gear's home: a copy, of which what is run and what says who it is belongs
 * to root. Invariant: until the copy is whole its directory is root's alone, so that the tenant can neither see it half
 * made nor put its own `bin` there first.
 */
import { Directory } from '../native/beneath.js';
import { removeVariable, setVariable } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import { fileLabel, labelOption } from '../gear/label.js';
import { applicationKey } from '../gear/creation-environment.js';
import type { Node } from '../node/node.js';
import { identText, isWebProxy, ORIGIN } from './installed.js';
import { openRepository, type Selection } from './repository.js';

/** The node's, read-only for the gear. */
const ofRoot = new Set([
  'metadata',
  'bin',
  'hooks',
  'lib',
  'versions',
  'template',
  'template.git',
  'README.md',
]);

export async function placeCartridge(node: Node, gear: Gear, selection: Selection): Promise<void> {
  const { manifest, knownAs, path: source } = selection;
  const { directory } = knownAs;
  const root = { uid: 0, gid: gear.gid };
  const label = labelOption(fileLabel(node, gear.uid));
  using home = Directory.open(gear.home);
  using repository = openRepository(node);
  home.makeDirectory(directory, { mode: 0o700, owner: { uid: 0, gid: 0 }, ...label });
  const own = { uid: gear.uid, gid: gear.gid };
  // One handle for the whole copy: an install meanwhile cannot mix its version into this one.
  using folder = repository.directory(source);
  for (const { name } of folder.list().toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (name === 'usr') continue;
    const owner = ofRoot.has(name) ? root : own;
    await home.copyTree(folder, name, `${directory}/${name}`, { owner });
  }
  if (folder.exists('usr')) {
    // One copy for all gears, which none of them can write to.
    home.symlink(`${node.paths.cartridgeRepository}/${source}/usr`, `${directory}/usr`, root);
  }
  home.makeDirectory(`${directory}/env`, { mode: 0o1770, owner: root, existing: true, ...label });
  const write = (path: string, text: string): void =>
    home.write(`${directory}/${path}`, text, { mode: 0o644, owner: root, durable: false, ...label });
  const ident = { vendor: manifest.vendor, cartridgeVersion: manifest.cartridgeVersion };
  write(ORIGIN, identText({ ...ident, name: manifest.name, version: manifest.version }));
  write(`env/OPENSHIFT_${manifest.shortName}_IDENT`, identText({ ...ident, ...knownAs }));
  write(`env/OPENSHIFT_${manifest.shortName}_DIR`, `${gear.home}/${directory}/`);
  home.chown(directory, root);
  home.chmod(directory, 0o1770);
}

/**
 * Gear variables that come with a cartridge besides its endpoints. A first cartridge becomes the primary one; a web
 * proxy brings the key (`.ssh/<name>_id_rsa`) with which its gear enters the other gears of the application.
 */
export function cartridgeVariables(
  gear: Gear,
  { manifest, knownAs }: Selection,
  first: boolean,
): Readonly<Record<string, string | null>> {
  const path = `${gear.home}/${knownAs.directory}`;
  return {
    OPENSHIFT_NAMESPACE: gear.namespace,
    ...(first ? { OPENSHIFT_PRIMARY_CARTRIDGE_DIR: `${path}/`, PATH: null } : {}),
    ...(isWebProxy(manifest) ? applicationKey(`${path}/.ssh/${manifest.name}_id_rsa`) : {}),
  };
}

/** Sets variables of the gear; null removes one. */
export function applyVariables(
  node: Node,
  gear: Gear,
  variables: Readonly<Record<string, string | null>>,
): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === null) removeVariable(gear, name);
    else setVariable(node, gear, name, value);
  }
}
