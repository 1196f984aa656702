/**
 * What lets a gear speak to the broker: `HOME/.auth/iv` and `HOME/.auth/token`, readable for the gear, byte
 * for byte as the broker sent them. Invariant: each file is replaced whole.
 */
import { Directory } from '../native/beneath.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import type { Gear } from './gear.js';
import { fileLabel, labelOption } from './label.js';

const LIMIT = 65_536;

export interface BrokerAuth {
  readonly iv: string;
  readonly token: string;
}

export function checkBrokerAuth({ iv, token }: BrokerAuth): void {
  for (const [name, value] of [
    ['iv', iv],
    ['token', token],
  ] as const) {
    if (value === '' || value.includes('\0') || Buffer.byteLength(value) > LIMIT) {
      throw new OoError(`The ${name} is 1 to ${LIMIT} bytes of text without NUL. Nothing was changed.`, {
        code: 'ERR_BAD_AUTH',
        exitCode: 255,
      });
    }
  }
}

export function writeBrokerAuth(node: Node, gear: Gear, auth: BrokerAuth): void {
  const home = Directory.open(gear.home);
  try {
    const options = { owner: { uid: 0, gid: gear.gid }, ...labelOption(fileLabel(node, gear.uid)) };
    home.makeDirectory('.auth', { mode: 0o750, existing: true, ...options });
    home.write('.auth/iv', auth.iv, { mode: 0o640, ...options });
    home.write('.auth/token', auth.token, { mode: 0o640, ...options });
  } finally {
    home.close();
  }
}

export async function removeBrokerAuth(gear: Gear): Promise<void> {
  const home = Directory.open(gear.home);
  try {
    await home.removeTree('.auth');
  } finally {
    home.close();
  }
}
