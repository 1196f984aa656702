/**
 * One gear as the rest of the node knows it: its account and the names in its environment, read together.
 * Invariant: a `Gear` exists only for an account that carries the gears' gecos and has its home in place;
 * half made or half removed gears are "no gear" here and are seen by the journal alone.
 */
import { join } from 'node:path';
import { OoError } from '../native/error.js';
import { findAccount } from '../native/accounts.js';
import { Directory } from '../native/beneath.js';
import type { Node } from '../node/node.js';
import { gearAccounts } from '../node/account-list.js';
import { homeOf } from './home-path.js';
import { gearLabel } from './label.js';

import {
  isGearUuid,
  parseAppName,
  parseGearUuid,
  type AppName,
  type GearUuid,
  type Uid,
} from './identity.js';
import { readVariable } from './variable.js';

export { homeOf } from './home-path.js';

export interface Gear {
  readonly uuid: GearUuid;
  readonly uid: Uid;
  readonly gid: number;
  /** Absolute, without a trailing slash. */
  readonly home: string;
  /** The gear's own name, first part of its DNS label. */
  readonly name: AppName;
  readonly appName: AppName;
  readonly appUuid: string;
  readonly namespace: string;
  /** Fully qualified: `name-namespace.domain`. */
  readonly dns: string;
  /** SELinux context of the gear's processes; undefined without SELinux. */
  readonly label: string | undefined;
}

function noGear(uuid: GearUuid, why: string): OoError {
  return new OoError(`${uuid} is not a gear of this node: ${why}. Nothing was done.`, {
    code: 'ERR_NO_GEAR',
    exitCode: 1,
    gear: uuid,
  });
}

/** The gear of that name, or `ERR_NO_GEAR`. */
export function openGear(node: Node, name: string): Gear {
  const uuid = parseGearUuid(name);
  const account = findAccount(uuid);
  if (account === undefined) throw noGear(uuid, 'there is no such account');
  if (account.gecos !== node.config.gearGecos) throw noGear(uuid, 'its account is not that of a gear');
  const home = homeOf(node, uuid);
  let env: Directory;
  try {
    env = Directory.open(join(home, '.env'));
  } catch (cause) {
    throw new OoError(
      `The home of gear ${uuid} cannot be opened. Nothing was done; run oo-admin-ctl-gears recover.`,
      {
        code: 'ERR_NO_GEAR',
        exitCode: 1,
        gear: uuid,
        cause,
      },
    );
  }
  try {
    const need = (variable: string): string => {
      const value = readVariable(env, variable);
      if (value === undefined || value === '') throw noGear(uuid, `its environment has no ${variable}`);
      return value;
    };
    const dns = need('OPENSHIFT_GEAR_DNS');
    return {
      uuid,
      uid: account.uid as Uid,
      gid: account.gid,
      home,
      name: parseAppName(need('OPENSHIFT_GEAR_NAME'), 'A gear name'),
      appName: parseAppName(need('OPENSHIFT_APP_NAME')),
      appUuid: need('OPENSHIFT_APP_UUID'),
      namespace: namespaceOf(dns),
      dns,
      label: gearLabel(node, account.uid),
    };
  } finally {
    env.close();
  }
}

/** Is there a gear of that name? */
export function gearExists(node: Node, name: string): boolean {
  try {
    openGear(node, name);
    return true;
  } catch (error) {
    if (error instanceof OoError && error.code === 'ERR_NO_GEAR') return false;
    throw error;
  }
}

/** `phpapp-demo.example.com` -> `demo`: the first label after its last dash. */
export function namespaceOf(dns: string): string {
  const label = dns.split('.', 1)[0] ?? '';
  return label.slice(label.lastIndexOf('-') + 1);
}

/**
 * Uuids of all gears, in order. Reads every account: for lists and node-wide verbs, never on the way of one
 * gear.
 */
export function listGears(node: Node): readonly GearUuid[] {
  return gearAccounts(node.config.gearGecos)
    .filter(({ name }) => isGearUuid(name))
    .map(({ name }) => parseGearUuid(name))
    .sort();
}
