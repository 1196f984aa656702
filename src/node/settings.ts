/**
 * The shell-like `KEY=value` files of /etc/openshift, with groups (`[name]`), as plain text values. The `ini`
 * package cuts the file into keys and groups; the rules of the format are applied on top: `\:` is a colon, an
 * unquoted `#` begins a comment, one pair of quotes is dropped. A `#` inside quotes belongs to the value, as
 * it does for a shell that reads the same file. Invariant: a file is parsed again only when it has changed.
 */
import { readFileSync, statSync } from 'node:fs';
import ini from 'ini';
import { errnoOf, OoError } from '../native/error.js';

export interface Settings {
  readonly file: string;
  readonly values: Readonly<Record<string, string>>;
  readonly groups: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

interface Cached {
  readonly stamp: string;
  readonly settings: Settings;
}

const cache = new Map<string, Cached>();

/** One value as it stands after the equals sign. */
export function settingValue(text: string): string {
  const value = text.trim().replaceAll('\\:', ':');
  const quoted = /^(["'])(.*?)\1\s*(?:#.*)?$/s.exec(value);
  if (quoted !== null) return quoted[2] ?? '';
  return value
    .replace(/\s*#.*$/s, '')
    .replace(/^"(.*)"$/s, '$1')
    .replace(/^'(.*)'$/s, '$1');
}

/**
 * `ini` would itself unquote values and cut them at `;`, by rules that are not a shell's. The value is
 * therefore handed to it in hexadecimal digits, which it leaves alone.
 */
function shielded(text: string): string {
  return text
    .split(/\r?\n/)
    .filter((line) => /^\s*(\[|(export\s+)?[A-Za-z_][\w.]*\s*=)/.test(line))
    .map((line) => {
      if (line.trimStart().startsWith('[')) return line.replaceAll('.', '\\.'); // a dot would nest groups
      const at = line.indexOf('=');
      const key = line
        .slice(0, at)
        .trim()
        .replace(/^export\s+/, '');
      return `${key}=x${Buffer.from(line.slice(at + 1), 'utf8').toString('hex')}`;
    })
    .join('\n');
}

function opened(value: unknown): string {
  return settingValue(Buffer.from(String(value).slice(1), 'hex').toString('utf8'));
}

export function parseSettings(file: string, text: string): Settings {
  const values: Record<string, string> = {};
  const groups: Record<string, Record<string, string>> = {};
  for (const [key, value] of Object.entries(ini.parse(shielded(text)))) {
    if (typeof value === 'object' && value !== null) {
      groups[key] = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, opened(inner)]));
    } else values[key] = opened(value);
  }
  return { file, values, groups };
}

function unreadable(file: string, cause: unknown): OoError {
  const missing = errnoOf(cause) === 'ENOENT';
  const why = missing ? 'is not there' : `cannot be read (${errnoOf(cause) ?? 'unknown error'})`;
  const remedy = missing ? 'run oo-admin-node-setup or set OPENSHIFT_CONF_DIR' : 'check its mode and owner';
  return new OoError(`The configuration ${file} ${why}. Nothing was done; ${remedy}.`, {
    code: 'ERR_CONFIG_UNREADABLE',
    exitCode: 253,
    cause,
  });
}

/** The file's settings, parsed anew when its inode, size or time of change has changed. */
export function readSettings(file: string): Settings {
  try {
    const { ino, size, mtimeMs } = statSync(file);
    const stamp = `${ino} ${size} ${mtimeMs}`;
    const known = cache.get(file);
    if (known?.stamp === stamp) return known.settings;
    const settings = parseSettings(file, readFileSync(file, 'utf8'));
    cache.set(file, { stamp, settings });
    return settings;
  } catch (error) {
    throw error instanceof OoError ? error : unreadable(file, error);
  }
}
