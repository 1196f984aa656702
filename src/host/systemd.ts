/**
 * systemd, where it rules the machine: units told of, enabled, started. Invariant: on a machine without it nothing is
 * done, and whoever asks learns so.
 */
import { existsSync } from 'node:fs';
import { effect } from '../native/effect.js';
import type { Run } from './sshd.js';

export const UNIT_FOLDER = '/etc/systemd/system';
export const TMPFILES_FOLDER = '/etc/tmpfiles.d';

/** Does systemd run this machine? As sd_booted(3) finds out. */
export function systemdRuns(): boolean {
  return existsSync('/run/systemd/system');
}

/** Is it installed, so that units make sense at the next boot? */
export function systemdInstalled(): boolean {
  return existsSync(UNIT_FOLDER);
}

export async function enableUnits(run: Run, units: readonly string[], start: boolean): Promise<boolean> {
  if (!systemdRuns()) return false;
  effect('systemd.enable', units.join(' '));
  await run('systemctl', ['daemon-reload']);
  await run('systemctl', ['enable', ...(start ? ['--now'] : []), ...units]);
  return true;
}

export async function disableUnits(run: Run, units: readonly string[]): Promise<boolean> {
  if (!systemdRuns() || units.length === 0) return false;
  effect('systemd.disable', units.join(' '));
  await run('systemctl', ['disable', '--now', ...units]);
  return true;
}

export async function reloadUnits(run: Run): Promise<void> {
  if (systemdRuns()) await run('systemctl', ['daemon-reload']);
}
