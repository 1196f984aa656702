/**
 * What cartridges of other gears have published to this gear: one folder below `.env` for each publisher, one file for
 * each variable, composed by src/gear/environment.ts and oo-login alike. Invariant: the folders are root's, so that
 * whatever stands in them has passed the check of its name; what the gear's own cartridges say is never replaced.
 */
import { Directory } from '../native/beneath.js';
import { OoError } from '../native/error.js';
import { readGlobalEnvironment, variableValue } from '../node/global-environment.js';
import type { Node } from '../node/node.js';
import type { Variables } from './environment.js';
import type { Gear } from './gear.js';
import { fileLabel, labelOption } from './label.js';
import { MAX_VALUE, parsePublishedName, parseVariableValue, parseVariableName } from './variable.js';

/** The folder of connectors that do not say which cartridge publishes. */
export const PUBLISHED = 'published';

const MOST_VARIABLES = 256;
const OF_THE_USER = 'user_vars';

/** The name of a publisher's folder. */
export function parsePublisher(text: string): string {
  if (/^[a-z0-9][-._a-z0-9]{0,63}$/.test(text) && text !== OF_THE_USER) return text;
  throw new OoError(
    `${JSON.stringify(text.slice(0, 80))} cannot be the name of a publishing cartridge. Nothing was changed.`,
    { code: 'ERR_BAD_PUBLISHER', exitCode: 255 },
  );
}

/** All of it, or the first name or value that may not be published to a gear of this node. */
export function parsePublication(node: Node, variables: Readonly<Variables>): Variables {
  const entries = Object.entries(variables);
  if (entries.length > MOST_VARIABLES) {
    throw refused(`${entries.length} variables are published at once; ${MOST_VARIABLES} are allowed`);
  }
  const global = readGlobalEnvironment(node.paths.globalEnvironment);
  for (const [name, value] of entries) {
    if (Object.hasOwn(global, parsePublishedName(name)))
      throw refused(`${name} is one of the node's own variables and cannot be published`);
    if (/[\n\r]/.test(parseVariableValue(value)))
      throw refused(`The value of ${name} has more than one line`);
  }
  return { ...variables };
}

function refused(why: string): OoError {
  return new OoError(`${why}. Nothing was changed.`, { code: 'ERR_BAD_PUBLICATION', exitCode: 255 });
}

/** What a publisher's folder holds now. */
export function readPublished(gear: Gear, publisher: string): Variables {
  using home = Directory.open(gear.home);
  const { files } = home.readFolder(`.env/${parsePublisher(publisher)}`, MOST_VARIABLES * 2, MAX_VALUE * 2);
  return Object.fromEntries([...files].map(([name, text]) => [name, variableValue(name, text)]));
}

/** Sets variables of a publisher, beside those it has published before. May run again. */
export function writePublished(
  node: Node,
  gear: Gear,
  publisher: string,
  variables: Readonly<Variables>,
): void {
  const options = { owner: { uid: 0, gid: gear.gid }, ...labelOption(fileLabel(node, gear.uid)) };
  using env = Directory.open(`${gear.home}/.env`);
  const folder = parsePublisher(publisher);
  env.makeDirectory(folder, { mode: 0o750, existing: true, ...options });
  for (const [name, value] of Object.entries(variables))
    env.write(`${folder}/${parsePublishedName(name)}`, parseVariableValue(value), {
      mode: 0o640,
      ...options,
    });
}

/** Takes back one published variable; an absent one is fine. */
export function removePublishedVariable(gear: Gear, name: string): void {
  using env = Directory.open(`${gear.home}/.env`);
  env.unlink(`${PUBLISHED}/${parseVariableName(name)}`, { missing: true });
}

/** Takes back all that a publisher has said. */
export async function removePublisher(gear: Gear, publisher: string): Promise<void> {
  using env = Directory.open(`${gear.home}/.env`);
  await env.removeTree(parsePublisher(publisher));
}

/** Takes back all that was ever published to the gear. */
export async function removePublishers(gear: Gear): Promise<void> {
  using env = Directory.open(`${gear.home}/.env`);
  for (const { name, type } of env.list())
    if (type === 'directory' && name !== OF_THE_USER) await env.removeTree(name);
}
