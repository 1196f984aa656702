/**
 * The kernel's switch that lets packets from outside be led to 127/8 (`route_localnet`), and the memory of who opened
 * it. Invariant: only a switch that was closed before is ever closed again: another program (a container runtime) may
 * have opened it for itself. The memory lies in /run, which a boot empties together with the switch.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { effect } from '../native/effect.js';
import { OoError } from '../native/error.js';

const SWITCH = '/proc/sys/net/ipv4/conf/all/route_localnet';

function isOpen(): boolean {
  return readFileSync(SWITCH, 'latin1').trim() === '1';
}

/** As a list of what is missing has it. */
export function switchProblems(): readonly string[] {
  return isOpen() ? [] : ['net.ipv4.conf.all.route_localnet is 0'];
}

/** Call it only while the guard stands. `memory`: the file that says so. */
export function openRouteLocalnet(memory: string): void {
  if (isOpen()) return;
  effect('route-localnet.open', memory);
  mkdirSync(dirname(memory), { recursive: true, mode: 0o755 });
  writeFileSync(memory, 'opened by the port proxy of oo-node\n', { mode: 0o600 });
  turn('1');
}

/** Closes what `openRouteLocalnet` opened. */
export function closeRouteLocalnet(memory: string): void {
  if (!existsSync(memory)) return;
  effect('route-localnet.close', memory);
  turn('0');
  rmSync(memory, { force: true });
}

function turn(value: '0' | '1'): void {
  try {
    writeFileSync(SWITCH, value);
  } catch (cause) {
    throw new OoError(
      `${SWITCH} could not be set to ${value}: packets to public ports ${value === '1' ? 'do not reach' : 'may still reach'} ` +
        'the loopback addresses of gears. In a container, let its host make /proc/sys/net writable.',
      { code: 'ERR_ROUTE_LOCALNET', cause },
    );
  }
}
