/**
 * Names under which an installed cartridge may also be asked for (`php-5.3=php-8.2`), one a line in the repository's
 * `aliases` file. Invariant: an alias leads to a name, never to another alias, and is itself safe as a directory name.
 */
import { OoError } from '../native/error.js';
import type { Directory } from '../native/beneath.js';

const FILE = 'aliases';
const alias = /^[a-z0-9]([-._a-z0-9]{0,46}[a-z0-9])?$/;

export function readAliases(repository: Directory): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of (repository.tryReadText(FILE) ?? '').split('\n')) {
    const at = line.indexOf('=');
    if (at > 0 && !line.startsWith('#')) found.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  return found;
}

function write(repository: Directory, aliases: ReadonlyMap<string, string>): void {
  const lines = [...aliases]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, target]) => `${name}=${target}\n`);
  repository.write(FILE, lines.join(''), { mode: 0o644 });
}

export function parseAlias(text: string): readonly [name: string, target: string] {
  const [name = '', target = '', ...rest] = text.split('=').map((word) => word.trim());
  if (rest.length === 0 && alias.test(name) && alias.test(target) && name !== target && !name.includes('..'))
    return [name, target];
  throw new OoError(
    `An alias is written NAME=CARTRIDGE-VERSION, for example php-5.3=php-8.2, not ${JSON.stringify(text.slice(0, 80))}. Nothing was done.`,
    { code: 'ERR_BAD_ALIAS', exitCode: 1 },
  );
}

export function setAlias(repository: Directory, name: string, target: string): void {
  const aliases = new Map(readAliases(repository));
  if (aliases.has(target)) {
    throw new OoError(`${target} is itself an alias. Nothing was done; name the installed cartridge.`, {
      code: 'ERR_BAD_ALIAS',
      exitCode: 1,
    });
  }
  if (aliases.get(name) === target) return;
  aliases.set(name, target);
  write(repository, aliases);
}

export function removeAlias(repository: Directory, name: string): void {
  const aliases = new Map(readAliases(repository));
  if (aliases.delete(name)) write(repository, aliases);
}
