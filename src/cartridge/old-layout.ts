/**
 * Cartridges of the old layout: `<base>/<name>/info/hooks/ACTION` (or below `embedded/`), run as root with positional
 * arguments, their two streams merged. Invariant: only a plain executable file that nobody but root can replace is run,
 * only if node.conf allows it, in the launch profile of its own.
 */
import { errnoOf, OoError } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import { executeAsNode } from '../gear/execute.js';
import type { Node } from '../node/node.js';
import { plainName } from './repository.js';

export interface OldHook {
  /** Absolute. */
  readonly file: string;
}

const safe = /^[a-z0-9]([-._a-zA-Z0-9]{0,62}[a-zA-Z0-9])?$/;
const LEAVE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV'];

function openBase(node: Node): Directory | undefined {
  try {
    return Directory.open(node.config.cartridgeBasePath);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function folderOf(base: Directory, cartridge: string): string | undefined {
  const name = plainName(cartridge);
  if (!safe.test(name)) return undefined;
  return [name, `embedded/${name}`].find((path) => {
    try {
      return base.stat(`${path}/info/hooks`).type === 'directory';
    } catch (error) {
      if (LEAVE.includes(errnoOf(error) ?? '')) return false;
      throw error;
    }
  });
}

/** Is there a cartridge of the old layout of that name? */
export function isOldLayout(node: Node, cartridge: string): boolean {
  using base = openBase(node);
  return base !== undefined && folderOf(base, cartridge) !== undefined;
}

/** Every part of the way belongs to root and nobody else may write to it. */
function requireRootOwned(base: Directory, path: string): void {
  const parts = path.split('/');
  for (let length = 0; length <= parts.length; length += 1) {
    const part = parts.slice(0, length).join('/');
    const info = base.stat(part === '' ? '.' : part);
    if (info.uid === 0 && (info.mode & 0o022) === 0) continue;
    throw new OoError(
      `${base.path}/${part} was not run: it must belong to root and be writable by nobody else, because hooks of the old layout run as root.`,
      { code: 'ERR_OLD_LAYOUT', exitCode: 1 },
    );
  }
}

/** The hook for an action, or undefined when the cartridge has none. */
export function findOldHook(node: Node, cartridge: string, action: string): OldHook | undefined {
  using base = openBase(node);
  const folder = base === undefined ? undefined : folderOf(base, cartridge);
  if (base === undefined || folder === undefined || !safe.test(action)) return undefined;
  const path = `${folder}/info/hooks/${action}`;
  try {
    const info = base.stat(path);
    if (info.type !== 'file' || (info.mode & 0o111) === 0) return undefined;
  } catch (error) {
    if (LEAVE.includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
  requireRootOwned(base, path);
  return { file: `${base.path}/${path}` };
}

/** What is said where there is no such hook; the exit code that goes with it is 127. */
export function hookNotFound(action: string): string {
  return `ERROR: action '${action}' not found.\n`;
}

export interface OldHookResult {
  readonly output: string;
  readonly exitCode: number;
}

/** Runs a hook with its positional arguments: gear name, namespace, uuid, and whatever the action takes. */
export async function runOldHook(node: Node, hook: OldHook, args: readonly string[]): Promise<OldHookResult> {
  const result = await executeAsNode(node, { file: hook.file, argv: [hook.file, ...args], stderr: 'merge' });
  const text = result.stdout.toString('utf8').replaceAll('\0', '');
  const tail = result.timedOut ? 'CLIENT_ERROR: The hook did not end within its time and was killed.\n' : '';
  return { output: text + tail, exitCode: result.exitCode ?? 1 };
}
