/**
 * The gear's state word and its stop lock, two small files in a directory the gear owns. Invariant: each is
 * replaced whole (never truncated in place, never through a link), so a reader sees the old word or the new
 * one.
 */
import { Directory } from '../native/beneath.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import type { Gear } from './gear.js';
import { fileLabel, labelOption } from './label.js';

export const gearStates = ['new', 'started', 'stopped', 'idle', 'building', 'deploying'] as const;
export type GearState = (typeof gearStates)[number];

const STATE = 'app-root/runtime/.state';
const STOP_LOCK = 'app-root/runtime/.stop_lock';

function inHome<T>(gear: Gear, work: (home: Directory) => T): T {
  const home = Directory.open(gear.home);
  try {
    return work(home);
  } finally {
    home.close();
  }
}

function isState(word: string): word is GearState {
  return (gearStates as readonly string[]).includes(word);
}

/** The state word, or `unknown` when there is none that means anything. */
export function readState(gear: Gear): GearState | 'unknown' {
  return inHome(gear, (home) => {
    let word: string;
    try {
      word = (home.tryReadText(STATE, 64) ?? '').trim();
    } catch {
      return 'unknown';
    }
    return isState(word) ? word : 'unknown';
  });
}

export function writeState(node: Node, gear: Gear, state: GearState): void {
  if (!isState(state)) {
    throw new OoError(`${JSON.stringify(state)} is not a state of a gear. Nothing was changed.`, {
      code: 'ERR_BAD_STATE',
    });
  }
  inHome(gear, (home) => {
    home.write(STATE, `${state}\n`, {
      mode: 0o640,
      owner: { uid: gear.uid, gid: gear.gid },
      ...labelOption(fileLabel(node, gear.uid)),
    });
  });
}

/** Why the gear was stopped on purpose (may be empty), or undefined when it was not. */
export function readStopLock(gear: Gear): string | undefined {
  return inHome(gear, (home) => {
    if (!home.exists(STOP_LOCK)) return undefined;
    try {
      return (home.tryReadText(STOP_LOCK, 4096) ?? '').trim();
    } catch {
      return ''; // not a plain file: the tenant made it, and it still says "do not start"
    }
  });
}

/** Marks the gear as stopped on purpose; an earlier reason stays. */
export function setStopLock(node: Node, gear: Gear, reason = ''): void {
  inHome(gear, (home) => {
    if (home.exists(STOP_LOCK)) return;
    home.write(STOP_LOCK, reason === '' ? '' : `${reason}\n`, {
      mode: 0o644,
      owner: { uid: gear.uid, gid: gear.gid },
      ...labelOption(fileLabel(node, gear.uid)),
    });
  });
}

export function clearStopLock(gear: Gear): void {
  inHome(gear, (home) => home.unlink(STOP_LOCK, { missing: true }));
}

/** The attribute line for a gear that was already stopped or idle, or undefined. */
export function statusAttribute(gear: Gear): string | undefined {
  const state = readState(gear);
  if (state === 'stopped' || readStopLock(gear) !== undefined) return 'ATTR: status=ALREADY_STOPPED';
  return state === 'idle' ? 'ATTR: status=ALREADY_IDLED' : undefined;
}
