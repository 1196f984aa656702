/**
 * The kernel's range of ports for outgoing connections. Public ports of gears must lie above it: a program that
 * connects somewhere would else be given one of them, and its answers would be led to a gear. Invariant: the range is
 * narrowed only when it reaches into the public ports.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { effect } from '../native/effect.js';
import { OoError } from '../native/error.js';

export const LOCAL_PORTS = '/proc/sys/net/ipv4/ip_local_port_range';
/** Where a narrowed range begins, that it is not a small one. */
const FIRST = 15_000;

/** The range that keeps below the first public port, as the kernel writes it. */
export function rangeBelow(firstPublic: number): string {
  return `${Math.min(FIRST, Math.max(1024, firstPublic - 2000))}\t${firstPublic - 1}\n`;
}

export function localPortsReach(firstPublic: number): boolean {
  return Number(readFileSync(LOCAL_PORTS, 'utf8').trim().split(/\s+/)[1]) >= firstPublic;
}

export function keepLocalPortsBelow(firstPublic: number): void {
  if (!localPortsReach(firstPublic)) return;
  effect('local-ports', String(firstPublic));
  try {
    writeFileSync(LOCAL_PORTS, rangeBelow(firstPublic));
  } catch (cause) {
    throw new OoError(
      `${LOCAL_PORTS} reaches into the public ports of gears (from ${firstPublic} on) and could not be narrowed. In a ` +
        'container, let its host make /proc/sys/net writable.',
      { code: 'ERR_LOCAL_PORTS', cause },
    );
  }
}
