/**
 * What a new gear is asked for, checked once. Invariant: after `checkCreate` every field is of the right
 * shape, the uid (if one is asked for) lies in the node's range, and a uuid that could be mistaken for a uid
 * is refused.
 */
import * as v from 'valibot';
import { findAccountByUid } from '../native/accounts.js';
import { OoError } from '../native/error.js';
import {
  parseAppName,
  parseGearUuid,
  parseNamespace,
  parseUid,
  type AppName,
  type GearUuid,
  type Namespace,
  type Uid,
} from '../gear/identity.js';
import type { Node } from '../node/node.js';

/** As it comes from a command or a request; empty strings count as absent. */
export interface CreateInput {
  readonly uuid: string;
  readonly appUuid?: string | undefined;
  readonly appName?: string | undefined;
  readonly namespace?: string | undefined;
  /** The gear's own name; that of the application when absent. */
  readonly name?: string | undefined;
  readonly uid?: number | string | undefined;
  /** 1 KiB blocks. */
  readonly quotaBlocks?: number | string | undefined;
  readonly quotaFiles?: number | string | undefined;
  readonly secretToken?: string | undefined;
}

/** Plain JSON: it is what the journal keeps. */
export interface CheckedCreate {
  readonly uuid: GearUuid;
  readonly appUuid: GearUuid;
  readonly appName: AppName;
  readonly namespace: Namespace;
  readonly name: AppName;
  readonly uid: Uid | null;
  readonly quota: { readonly blocks: number; readonly files: number };
  readonly secretToken: string | null;
}

function given<T>(value: T | '' | undefined): T | undefined {
  return value === '' ? undefined : value;
}

const limit = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number))]),
  v.integer(),
  v.minValue(1),
);

function quota(value: number | string | undefined, otherwise: number, what: string): number {
  if (value === undefined) return otherwise;
  const result = v.safeParse(limit, value);
  if (result.success) return result.output;
  throw new OoError(
    `The quota of ${what} is an integer of at least 1, not ${JSON.stringify(value)}. Nothing was done.`,
    {
      code: 'ERR_BAD_QUOTA',
      exitCode: 255,
    },
  );
}

function required(value: string | undefined, what: string): string {
  if (value !== undefined) return value;
  throw new OoError(`${what} is missing. Nothing was done.`, { code: 'ERR_USAGE', exitCode: 255 });
}

/** `passwd`-like tools take an all-digit name for a uid; one that is a uid, or can become one, is no name. */
function requireNotUid(node: Node, uuid: GearUuid): void {
  if (!/^\d{1,10}$/.test(uuid)) return;
  const number = Number(uuid);
  const inRange = number >= node.config.gearMinUid && number <= node.config.gearMaxUid;
  if (!inRange && (number > 0xffff_ffff || findAccountByUid(number) === undefined)) return;
  throw new OoError(`The uuid ${uuid} is also a uid of this node. Nothing was done; use another uuid.`, {
    code: 'ERR_UUID_IS_UID',
    exitCode: 129,
    gear: uuid,
  });
}

function uidOf(node: Node, uuid: GearUuid, value: number | string | undefined): Uid | null {
  if (value === undefined) return null;
  const uid = parseUid(value);
  const { gearMinUid: low, gearMaxUid: high } = node.config;
  if (uid >= low && uid <= high) return uid;
  throw new OoError(`Uid ${uid} is outside of this node's range ${low} to ${high}. Nothing was done.`, {
    code: 'ERR_UID_RANGE',
    exitCode: 129,
    gear: uuid,
  });
}

export function checkCreate(node: Node, input: CreateInput): CheckedCreate {
  const uuid = parseGearUuid(input.uuid);
  const appName = parseAppName(required(given(input.appName), 'The application name'));
  const name = given(input.name);
  const secretToken = given(input.secretToken);
  if (secretToken !== undefined && (secretToken.includes('\0') || secretToken.length > 4096)) {
    throw new OoError('The secret token is at most 4096 characters without NUL. Nothing was done.', {
      code: 'ERR_BAD_TOKEN',
      exitCode: 255,
    });
  }
  const checked: CheckedCreate = {
    uuid,
    appUuid: parseGearUuid(given(input.appUuid) ?? uuid),
    appName,
    namespace: parseNamespace(required(given(input.namespace), 'The namespace')),
    name: name === undefined ? appName : parseAppName(name, 'A gear name'),
    uid: uidOf(node, uuid, given(input.uid)),
    quota: {
      blocks: quota(given(input.quotaBlocks), node.limits.quota.blocks, 'blocks'),
      files: quota(given(input.quotaFiles), node.limits.quota.files, 'files'),
    },
    secretToken: secretToken ?? null,
  };
  requireNotUid(node, uuid);
  return checked;
}
