/**
 * The variables every gear of the node gets: one file each in the `env` folder of the configuration, read
 * again only when the folder or a file has changed. Invariant: backup files of editors and packages are not
 * variables.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const cache = new Map<
  string,
  { readonly stamp: string; readonly values: Readonly<Record<string, string>> }
>();

/**
 * `export NAME='value'` (the old form) or the bare value; one trailing newline does not count, NUL bytes go.
 */
export function variableValue(name: string, content: string): string {
  const text = content.replaceAll('\0', '').replace(/\n$/, '');
  const prefix = `export ${name}=`;
  if (!text.startsWith(prefix)) return text;
  const value = text.slice(prefix.length);
  return /^(['"]).*\1$/s.test(value) ? value.slice(1, -1) : value;
}

export function readGlobalEnvironment(directory: string): Readonly<Record<string, string>> {
  let names: string[];
  try {
    names = readdirSync(directory)
      .filter((name) => variableName.test(name))
      .sort();
  } catch {
    return {};
  }
  const stamps = names.map((name) => {
    const info = statSync(join(directory, name), { throwIfNoEntry: false });
    return info?.isFile() === true ? `${name} ${info.ino} ${info.size} ${info.mtimeMs}` : '';
  });
  const stamp = stamps.join('\n');
  const known = cache.get(directory);
  if (known?.stamp === stamp) return known.values;
  const values: Record<string, string> = {};
  names.forEach((name, index) => {
    if (stamps[index] !== '') values[name] = variableValue(name, readFileSync(join(directory, name), 'utf8'));
  });
  cache.set(directory, { stamp, values });
  return values;
}
