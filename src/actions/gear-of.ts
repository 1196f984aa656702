/** Which gear the arguments of a request are about, without judging whether it exists or is well formed. */
import { splitWords } from './words.js';

export function gearOfArguments(args: unknown): string | undefined {
  if (typeof args === 'string') {
    try {
      return splitWords(args)[2];
    } catch {
      return undefined;
    }
  }
  if (typeof args !== 'object' || args === null) return undefined;
  const named = args as Readonly<Record<string, unknown>>;
  const gear = named['--with-container-uuid'] ?? named['--gear-uuid'] ?? named['--uuid'];
  return typeof gear === 'string' ? gear : undefined;
}
