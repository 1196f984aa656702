/**
 * The words a gear is known by, each with its one parser (uuid, uid, names, loopback address, port), and what
 * is counted from the uid: the SELinux category set, the private addresses, the public ports, as pure integer
 * functions. Invariant: a `GearUuid` is always safe as a file name, an account name, a cgroup name and a word
 * of a line; within the ranges accepted here two uids never share a label, and uids below the wraparound
 * never share an address.
 */
import * as v from 'valibot';
import { OoError } from '../native/error.js';

const uuidSchema = v.pipe(v.string(), v.regex(/^[a-zA-Z0-9][-a-zA-Z0-9]{0,31}$/), v.brand('GearUuid'));
const uidSchema = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffff_fffe), v.brand('Uid'));
const nameSchema = v.pipe(v.string(), v.regex(/^[A-Za-z0-9]{1,32}$/), v.brand('AppName'));
const namespaceSchema = v.pipe(v.string(), v.regex(/^[A-Za-z0-9]{1,16}$/), v.brand('Namespace'));
const addressSchema = v.pipe(v.string(), v.ipv4(), v.brand('Ipv4'));
const portSchema = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535), v.brand('Port'));

export type GearUuid = v.InferOutput<typeof uuidSchema>;
export type Uid = v.InferOutput<typeof uidSchema>;
/** Name of an application or of a gear: a DNS label of letters and digits. */
export type AppName = v.InferOutput<typeof nameSchema>;
export type Namespace = v.InferOutput<typeof namespaceSchema>;
export type Ipv4 = v.InferOutput<typeof addressSchema>;
export type Port = v.InferOutput<typeof portSchema>;

/**
 * What was given, short and on one line, so that an error message can never be more than one sentence long.
 */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : String(value);
  return JSON.stringify(text.length > 48 ? `${text.slice(0, 48)}…` : text);
}

function parse<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  code: string,
  what: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new OoError(`${what}, not ${shown(value)}. Nothing was done.`, { code, exitCode: 255 });
}

/**
 * An integer written in decimal digits (as options arrive), or a number. Anything else stays what it is and
 * fails.
 */
function integer(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
}

export function parseGearUuid(value: unknown): GearUuid {
  return parse(
    uuidSchema,
    value,
    'ERR_BAD_UUID',
    'A gear uuid is 1 to 32 letters, digits and dashes and starts with a letter or digit',
  );
}

/** For lists that hold other names too. */
export function isGearUuid(value: unknown): value is GearUuid {
  return v.is(uuidSchema, value);
}

export function parseUid(value: unknown): Uid {
  return parse(uidSchema, integer(value), 'ERR_BAD_UID', 'A uid is an integer from 1 to 4294967294');
}

export function parseAppName(value: unknown, what = 'An application name'): AppName {
  return parse(nameSchema, value, 'ERR_BAD_NAME', `${what} is 1 to 32 letters and digits`);
}

export function parseNamespace(value: unknown): Namespace {
  return parse(namespaceSchema, value, 'ERR_BAD_NAMESPACE', 'A namespace is 1 to 16 letters and digits');
}

export function parseIpv4(value: unknown): Ipv4 {
  return parse(addressSchema, value, 'ERR_BAD_ADDRESS', 'An address is four numbers from 0 to 255 with dots');
}

export function parsePort(value: unknown): Port {
  return parse(portSchema, integer(value), 'ERR_BAD_PORT', 'A port is an integer from 1 to 65535');
}

export interface IdentityRules {
  /** Uid the port arithmetic starts at (deliberately not the lowest gear uid). */
  readonly uidBegin: number;
  readonly portBegin: number;
  readonly portsPerUser: number;
  /** Uids at and above this share loopback addresses, shifted by `addressOffset` slots. */
  readonly wraparoundUid: number;
  readonly addressOffset: number;
  readonly mcsSetSize: number;
  readonly mcsGroupSize: number;
  readonly mcsUidOffset: number;
  readonly mlsLevel: number;
}

export const defaultRules: IdentityRules = Object.freeze({
  uidBegin: 500,
  portBegin: 35_531,
  portsPerUser: 5,
  wraparoundUid: 65_536,
  addressOffset: 1,
  mcsSetSize: 1024,
  mcsGroupSize: 2,
  mcsUidOffset: 0,
  mlsLevel: 0,
});

function outside(what: string, code: string): OoError {
  return new OoError(`${what}. Nothing was done.`, { code, exitCode: 255 });
}

function requireUid(uid: number): void {
  if (!Number.isInteger(uid) || uid < 0 || uid > 0xffff_ffff)
    throw outside(`${uid} is not a uid`, 'ERR_BAD_UID');
}

/** n over k for the small k a label has; exact, because each step's product is divisible. */
function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i += 1) result = (result * (n - k + i)) / i;
  return result;
}

/**
 * The level `s0:cA,cB` of a uid: subset number uid − offset (the first is 1 for pairs) of all category
 * subsets in lexicographic order, found by counting how many subsets begin with each smaller category.
 */
export function mcsLabel(uid: number, rules: IdentityRules = defaultRules): string {
  requireUid(uid);
  const { mcsSetSize: size, mcsGroupSize: group } = rules;
  let rank = uid - rules.mcsUidOffset - (group - 1);
  if (rank < 0 || rank >= binomial(size, group)) {
    throw outside(`There is no SELinux category set for uid ${uid}`, 'ERR_UID_WITHOUT_LABEL');
  }
  const chosen: string[] = [];
  for (let category = 0; chosen.length < group; category += 1) {
    const startingHere = binomial(size - category - 1, group - chosen.length - 1);
    if (rank < startingHere) chosen.push(`c${category}`);
    else rank -= startingHere;
  }
  return `s${rules.mlsLevel}:${chosen.join(',')}`;
}

/** The gear's private address number `host` (1 to 127): 127.0.0.0 + uid × 128 + host. */
export function loopbackAddress(uid: number, host: number, rules: IdentityRules = defaultRules): Ipv4 {
  requireUid(uid);
  if (!Number.isInteger(host) || host < 1 || host > 127) {
    throw outside(`A gear has the private addresses 1 to 127, not ${host}`, 'ERR_BAD_ADDRESS');
  }
  const slot = uid < rules.wraparoundUid ? uid : (uid % rules.wraparoundUid) + rules.addressOffset;
  if (slot > 0x1ffff) throw outside(`Uid ${uid} has no address below 127.0.0.0/8`, 'ERR_UID_WITHOUT_ADDRESS');
  const low = slot * 128 + host;
  return `127.${(low >>> 16) & 255}.${(low >>> 8) & 255}.${low & 255}` as Ipv4;
}

/** The public ports of a uid, in ascending order. */
export function publicPorts(uid: number, rules: IdentityRules = defaultRules): readonly Port[] {
  requireUid(uid);
  const slots = Math.floor((65_536 - rules.portBegin) / rules.portsPerUser);
  const slot = (((uid - rules.uidBegin) % slots) + slots) % slots;
  const first = rules.portBegin + slot * rules.portsPerUser;
  return Array.from({ length: rules.portsPerUser }, (_, index) => (first + index) as Port);
}
