/**
 * `cartridge-list`: what this node can put into a gear, aliases among it, since a broker asks by those names too.
 * For programs one line, `CLIENT_RESULT: ` and JSON; for people a heading and one name a line.
 */
import * as v from 'valibot';
import { listAliases, listRepository } from '../cartridge/repository.js';
import type { Node } from '../node/node.js';
import { flag } from './arguments.js';
import { inner, said } from './inner-action.js';

export interface ListedCartridge {
  readonly name: string;
  readonly descriptor: string;
}

/** `php-8.2`, then aliases: `php-5.3`; each once, in order. */
export function listedCartridges(node: Node): readonly ListedCartridge[] {
  const found = new Map<string, string>();
  for (const entry of listRepository(node)) {
    for (const version of entry.versions) found.set(`${entry.name}-${version}`, entry.source);
  }
  for (const [alias, target] of listAliases(node)) {
    const source = found.get(target);
    if (source !== undefined) found.set(alias, source);
  }
  return [...found]
    .map(([name, descriptor]) => ({ name, descriptor }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export const cartridgeList = inner(
  v.object({ '--porcelain': flag, '--with-descriptors': flag }),
  (node, args) => {
    const listed = listedCartridges(node);
    const descriptors = args['--with-descriptors'];
    if (args['--porcelain']) {
      const items = listed.map(({ name, descriptor }) => (descriptors ? descriptor : name));
      return said(`CLIENT_RESULT: ${JSON.stringify(items)}\n`);
    }
    const lines = listed.map(({ name, descriptor }) =>
      descriptors ? `\t${name}\n${descriptor}` : `\t${name}`,
    );
    return said(['Cartridges:', ...lines].map((line) => `${line}\n`).join(''));
  },
);
