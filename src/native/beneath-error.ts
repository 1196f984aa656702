/**
 * The sentence for a refused touch of a file. Invariant: it names the entry, says that nothing was done to it, and,
 * where a rule of beneath refused it, which one.
 */
import { NativeError } from './error.js';

const RULES: Record<string, string> = {
  ELOOP: 'a symbolic link is never followed',
  'EINVAL regular-file': 'it is not a regular file',
  'EMLINK hard-link': 'it is a file of root that somebody else may have given this second name',
  'EPERM trust': 'somebody else than root could put another directory in its place',
  'EBUSY verify': 'somebody else put another entry in its place at that moment',
  'ESTALE moved': 'it was moved while it was being worked on',
  'ELOOP depth': 'it is nested too deeply',
  EXDEV: 'something is mounted there',
  EFBIG: 'it is larger than what may be read',
  EOVERFLOW: 'it has too many entries',
  'EBADF closed': 'the directory it was asked of is closed',
  ENOENT: 'it, or a directory on the way to it, is not there',
  ENOTDIR: 'something on the way is not a directory',
  EISDIR: 'it is a directory',
  EEXIST: 'something with that name is there already',
  ENOTEMPTY: 'it is not empty',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
};

/** What the addon threw as a NativeError; anything else as it is. */
export function beneathError(error: unknown, path: string, what: string): unknown {
  if (!(error instanceof Error)) return error;
  const {
    code,
    errno,
    step,
    path: where,
  } = error as Error & { code?: string; errno?: number; step?: string; path?: string };
  if (code === undefined || errno === undefined) return error;
  const rule = RULES[`${code} ${step}`] ?? RULES[code];
  const entry = where === undefined || code === 'EBADF' ? path : `${path}/${where}`;
  const why = rule === undefined ? `${step} failed` : rule;
  return new NativeError(`${entry} ${what}: ${why} (${code}).`, {
    code,
    errno,
    cause: error,
    ...(step && { step }),
  });
}
