/**
 * Finds and loads the addon once. It lies in `native/` beside the compiled `src/` (dist/native) or beside the `bin/`
 * a bundled command runs from. Invariant: what is exported here is untyped; each facade file narrows its own part.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { NativeError, OoError } from './error.js';

const ADDON = 'oo_native.node';
let loaded: Record<string, unknown> | undefined;

/** The addon's exports; the facade that asks says what type its own part has. */
export function addon<T>(): T {
  loaded ??= load();
  return loaded as T;
}

function load(): Record<string, unknown> {
  const file = candidates().find((candidate) => existsSync(candidate));
  if (file === undefined) {
    throw new OoError(
      `The native part (${ADDON}) has not been built: install g++, make and python3, then run "npm run build:native".`,
      { code: 'ERR_NATIVE_MISSING' },
    );
  }
  try {
    return createRequire(import.meta.url)(file) as Record<string, unknown>;
  } catch (cause) {
    throw new OoError(
      `The native part ${file} cannot be loaded: run "npm run build:native" with this Node.`,
      {
        code: 'ERR_NATIVE_MISSING',
        cause,
      },
    );
  }
}

function candidates(): string[] {
  const here = path.dirname(fileURLToPath(import.meta.url));
  return [
    path.join(here, '..', 'native', ADDON), // a bundle in bin/
    path.join(here, '..', '..', 'native', ADDON), // dist/src/native
  ];
}

interface AddonError extends Error {
  readonly errno: number;
  readonly code: string;
  readonly step: string;
  readonly path?: string;
}

/** Turn what the addon threw into a NativeError whose sentence begins with what was not done; others pass through. */
export function nativeError(error: unknown, what: string): unknown {
  const raw = error as Partial<AddonError>;
  if (!(error instanceof Error) || raw.errno === undefined || raw.code === undefined) return error;
  return new NativeError(`${what}: ${error.message} (${raw.code})`, {
    code: raw.code,
    errno: raw.errno,
    ...(raw.step === undefined ? {} : { step: raw.step }),
    cause: error,
  });
}
