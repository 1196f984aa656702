/**
 * What a path below a directory may look like: names joined by single slashes, none of them `.` or `..`. Invariant:
 * the addon resolves beneath in any case; this check exists so that the caller reads what is wrong with its path.
 */
const LONGEST_PATH = 4095;
const LONGEST_NAME = 255;

/** Throws a TypeError unless `path` may name an entry; `self` allows `.` (the directory itself). */
export function checkRelativePath(path: unknown, self = false): asserts path is string {
  const problem = relativePathProblem(path, self);
  if (problem !== undefined) throw new TypeError(`${shown(path)} ${problem}; nothing was done.`);
}

/** Throws a TypeError unless `path` is absolute and has no `..` in it. */
export function checkAbsolutePath(path: unknown): asserts path is string {
  if (typeof path !== 'string') throw new TypeError('A path must be a string; nothing was done.');
  if (!path.startsWith('/')) throw new TypeError(`${shown(path)} is not an absolute path; nothing was done.`);
  if (path.includes('\0')) throw new TypeError(`${shown(path)} holds a NUL character; nothing was done.`);
  if (path.split('/').includes('..')) throw new TypeError(`${shown(path)} holds "..", nothing was done.`);
}

function relativePathProblem(path: unknown, self: boolean): string | undefined {
  if (typeof path !== 'string') return 'is not a string';
  if (path === '') return 'is empty';
  if (path.includes('\0')) return 'holds a NUL character';
  if (path.startsWith('/')) return 'is absolute; a path beneath a directory is meant';
  if (Buffer.byteLength(path) > LONGEST_PATH) return `is longer than ${LONGEST_PATH} bytes`;
  if (path === '.') return self ? undefined : 'names the directory itself';
  for (const name of path.split('/')) {
    if (name === '') return 'has an empty name in it';
    if (name === '.' || name === '..') return `has "${name}" in it`;
    if (Buffer.byteLength(name) > LONGEST_NAME) return `has a name longer than ${LONGEST_NAME} bytes in it`;
  }
  return undefined;
}

function shown(path: unknown): string {
  return typeof path === 'string' ? `The path ${JSON.stringify(path.slice(0, 200))}` : 'A path that';
}
