/**
 * Is this text a public key that sshd can read? Type from a fixed list, strict base64, and inside it the
 * fields of RFC 4253 (each with its length before it) for that type, to the last byte. Invariant: pure;
 * whatever passes holds no blank, no quote and no line end.
 */
import { OoError } from '../native/error.js';

const MAX_KEY = 16_384;

/** What stands in the blob after the type itself: how many fields, and a check of them. */
type Check = (fields: readonly Buffer[]) => boolean;

function bits(number: Buffer | undefined): number {
  if (number === undefined || number.length === 0) return 0;
  const lead = number[0] === 0 ? 1 : 0;
  return (number.length - lead) * 8 - Math.clz32(number[lead] ?? 0) + 24;
}

const curve =
  (name: string, bytes: number): Check =>
  ([id, point]) =>
    id?.toString('latin1') === name && point?.length === 2 * bytes + 1 && point[0] === 4;

const types: Readonly<Record<string, { readonly fields: number; readonly check: Check }>> = {
  'ssh-rsa': {
    fields: 2,
    // 1024 bits are the least that sshd accepts; a negative or even modulus is not one.
    check: ([e, n]) => bits(e) >= 2 && bits(n) >= 1024 && bits(n) <= 16_384 && ((n?.[0] ?? 128) & 128) === 0,
  },
  'ssh-ed25519': { fields: 1, check: ([point]) => point?.length === 32 },
  'ecdsa-sha2-nistp256': { fields: 2, check: curve('nistp256', 32) },
  'ecdsa-sha2-nistp384': { fields: 2, check: curve('nistp384', 48) },
  'ecdsa-sha2-nistp521': { fields: 2, check: curve('nistp521', 66) },
  'sk-ssh-ed25519@openssh.com': {
    fields: 2,
    check: ([point, app]) => point?.length === 32 && (app?.length ?? 0) > 0,
  },
  'sk-ecdsa-sha2-nistp256@openssh.com': {
    fields: 3,
    check: ([id, point, app]) => curve('nistp256', 32)([id, point] as Buffer[]) && (app?.length ?? 0) > 0,
  },
};

export const keyTypes: readonly string[] = Object.keys(types);

function refused(message: string): OoError {
  return new OoError(`${message}. No key was changed.`, { code: 'ERR_BAD_KEY', exitCode: 255 });
}

/** The length-prefixed fields of a blob, or undefined when a length does not fit. */
function fieldsOf(blob: Buffer): readonly Buffer[] | undefined {
  const fields: Buffer[] = [];
  let at = 0;
  while (at < blob.length) {
    if (blob.length - at < 4) return undefined;
    const length = blob.readUInt32BE(at);
    at += 4;
    if (length > blob.length - at) return undefined;
    fields.push(blob.subarray(at, at + length));
    at += length;
  }
  return fields;
}

export function checkPublicKey(type: string, key: string): void {
  const known = Object.hasOwn(types, type) ? types[type] : undefined;
  if (known === undefined) {
    const shown = JSON.stringify(type.length > 40 ? `${type.slice(0, 40)}…` : type);
    throw refused(`${shown} is not a key type; allowed are ${keyTypes.join(', ')}`);
  }
  if (key.length > MAX_KEY) throw refused(`A key is at most ${MAX_KEY} characters`);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key) || key.length % 4 !== 0) {
    throw refused(
      'The text of the key is not base64 on one line; give the second field of the public key file',
    );
  }
  const blob = Buffer.from(key, 'base64');
  const fields = blob.toString('base64') === key ? fieldsOf(blob) : undefined;
  const [name, ...rest] = fields ?? [];
  if (name === undefined || name.toString('latin1') !== type)
    throw refused(`The text of the key is not one of type ${type}`);
  if (rest.length !== known.fields || !known.check(rest))
    throw refused(`The text is not a whole and valid ${type} key`);
}
