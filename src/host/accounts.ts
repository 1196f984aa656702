/**
 * Local accounts of a Linux host. Invariant: what cannot stand in a line of passwd (a colon, a newline, a NUL) is
 * refused here in words, before anything is locked or changed; the addon refuses it once more.
 */
import * as v from 'valibot';
import { OoError } from '../native/error.js';
import { addAccounts, removeAccounts } from '../native/accounts.js';
import type { Account, AccountFilesOptions, AccountRequest } from '../native/accounts.js';

export { findAccount, findAccountByUid } from '../native/accounts.js';
export type { Account, AccountRequest } from '../native/accounts.js';

/** useradd's own limit; utmp and ps cut longer names. */
const LONGEST_NAME = 32;
const LARGEST_ID = 4_294_967_294;

const line = (what: string) =>
  v.pipe(
    v.string(`${what} must be a text`),
    v.check((text) => !/[:\n\0]/.test(text), `${what} must not hold a colon, a newline or a NUL character`),
    v.maxLength(1024, `${what} is too long`),
  );
const absolute = (what: string) =>
  v.pipe(
    line(what),
    v.startsWith('/', `${what} must be an absolute path`),
    v.check((text) => !text.split('/').includes('..'), `${what} must not hold ".."`),
  );
const name = v.pipe(
  v.string('the name must be a text'),
  v.minLength(1, 'the name is empty'),
  v.maxLength(LONGEST_NAME, `the name is longer than ${LONGEST_NAME} characters`),
  v.regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/,
    'the name must be of letters, digits, "_", "-" and ".", a letter or digit first',
  ),
);
const id = (what: string) =>
  v.pipe(
    v.number(`${what} must be a number`),
    v.integer(`${what} must be a whole number`),
    v.minValue(1, `${what} must be at least 1`),
    v.maxValue(LARGEST_ID, `${what} must be at most ${LARGEST_ID}`),
    v.notValue(65_535, `${what} must not be 65535, which some programs take for "none"`),
  );

const accountRequest = v.pipe(
  v.object({
    name,
    uid: v.optional(id('the uid')),
    range: v.optional(v.object({ first: id('the first uid'), last: v.pipe(v.number(), v.integer()) })),
    gecos: line('the comment'),
    home: absolute('the home'),
    shell: absolute('the shell'),
  }),
  v.check(
    ({ uid, range }) => uid !== undefined || range !== undefined,
    'neither a uid nor a range of uids is given',
  ),
  v.check(({ range }) => range === undefined || range.first <= range.last, 'the range of uids is empty'),
);

/** All of them or none; the order of the answer is that of the requests. */
export async function createAccounts(
  requests: readonly AccountRequest[],
  options?: AccountFilesOptions,
): Promise<readonly Account[]> {
  for (const request of requests) check(accountRequest, request, request.name);
  return addAccounts(requests, options);
}

export async function createAccount(
  request: AccountRequest,
  options?: AccountFilesOptions,
): Promise<Account> {
  const [account] = await createAccounts([request], options);
  if (account === undefined) throw new Error('no account came back');
  return account;
}

/** Absent names, and names that an unfinished change left in some of the files only, are fine. */
export async function deleteAccounts(names: readonly string[], options?: AccountFilesOptions): Promise<void> {
  for (const one of names) check(name, one, one);
  await removeAccounts(names, options);
}

function check(schema: v.GenericSchema, value: unknown, shown: unknown): void {
  const result = v.safeParse(schema, value);
  if (result.success) return;
  const why = result.issues[0].message;
  throw new OoError(`The account ${JSON.stringify(shown)} was not touched: ${why}.`, {
    code: 'ERR_ACCOUNT_INVALID',
  });
}
