/**
 * Where a gear's home is, and where it is while it is being made or taken apart. Invariant: the two hidden
 * names are never those of a gear, because a uuid begins with a letter or digit.
 */
import { join } from 'node:path';
import type { Node } from '../node/node.js';

export function homeOf(node: Node, uuid: string): string {
  return join(node.paths.gearBase, uuid);
}

/** Name, below the gears' parent, of a home that is not finished: not reachable for its account. */
export function unfinishedName(uuid: string): string {
  return `.creating-${uuid}`;
}

/** Name, below the gears' parent, of a home that is being removed. */
export function doomedName(uuid: string): string {
  return `.destroying-${uuid}`;
}
