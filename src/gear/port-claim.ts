/**
 * The one line of a file that claims a public port: whose it is, where it leads, and which variable of the gear names
 * it; `closing` once nothing new may come in by it. Invariant: a line that parses is written back the same.
 */
import { isIPv4 } from 'node:net';
import { isGearUuid } from './identity.js';
import { isVariableName } from './variable.js';

export interface Claim {
  readonly uuid: string;
  /** `address:port`, an address of 127/8. */
  readonly target: string;
  readonly variable: string;
  readonly closing: boolean;
}

export function claimText({ uuid, target, variable, closing }: Claim): string {
  return `${uuid} ${target} ${variable}${closing ? ' closing' : ''}\n`;
}

function isTarget(text: string): boolean {
  const [address = '', port = '', ...rest] = text.split(':');
  return (
    rest.length === 0 &&
    isIPv4(address) &&
    address.startsWith('127.') &&
    /^[1-9]\d{0,4}$/.test(port) &&
    Number(port) <= 65_535
  );
}

export function parseClaim(text: string): Claim | undefined {
  const [, uuid, target, variable, closing] = /^(\S+) (\S+) (\S+)( closing)?\n$/.exec(text) ?? [];
  if (uuid === undefined || target === undefined || variable === undefined) return undefined;
  if (!isGearUuid(uuid) || !isTarget(target) || !isVariableName(variable)) return undefined;
  return { uuid, target, variable, closing: closing !== undefined };
}
