/**
 * Local accounts, each with a group of its own name and id. Invariants (held by the addon): the files are changed
 * under the lock that shadow-utils honours, whole or not at all; passwd, which makes an account visible, is written
 * last and cleared first. Calls that meet while another is at work are done in one pass together.
 */
import { enter } from './account-passes.js';
import { effect } from './effect.js';
import { errnoOf, NativeError } from './error.js';
import { addon, nativeError } from './load.js';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly gecos: string;
  readonly home: string;
  readonly shell: string;
}

export interface AccountRequest {
  readonly name: string;
  /** Exactly this uid and gid; otherwise the lowest of `range` that neither passwd nor group has. */
  readonly uid?: number | undefined;
  readonly range?: { readonly first: number; readonly last: number } | undefined;
  readonly gecos: string;
  readonly home: string;
  readonly shell: string;
}

export interface AccountFilesOptions {
  /** Where passwd and the others are; another folder than /etc is for tests. */
  readonly directory?: string;
  /** How long to wait for the lock, in milliseconds; default 15,000 as lckpwdf(3). */
  readonly wait?: number;
}

interface NativeRequest extends Omit<AccountRequest, 'range'> {
  readonly first?: number | undefined;
  readonly last?: number | undefined;
}

interface AccountsAddon {
  add(
    directory: string,
    batches: readonly (readonly NativeRequest[])[],
    wait: number,
  ): Promise<(Account[] | Error)[]>;
  remove(directory: string, names: readonly string[], wait: number): Promise<void>;
  find(name: string): Account | undefined;
  findByUid(uid: number): Account | undefined;
}

const native = (): AccountsAddon => addon<{ accounts: AccountsAddon }>().accounts;

const DIRECTORY = '/etc';
const WAIT = 15_000;

interface Waiting<Asked, Answer> {
  readonly asked: readonly Asked[];
  readonly wait: number;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}
type WaitingAdd = Waiting<AccountRequest, readonly Account[]>;
type WaitingRemoval = Waiting<string, void>;

const patience = (waiting: readonly { readonly wait: number }[]): number =>
  Math.max(...waiting.map(({ wait }) => wait));

/**
 * All of them or none. NativeError codes: EEXIST (name taken, or left over in one of the files), EADDRINUSE (uid or
 * gid taken), ENOSPC with step `uid-range` (range full), EBUSY (lock not had), EINVAL (a field cannot be written).
 */
export function addAccounts(
  requests: readonly AccountRequest[],
  options: AccountFilesOptions = {},
): Promise<readonly Account[]> {
  const { directory = DIRECTORY, wait = WAIT } = options;
  effect('accounts.add', requests.map((request) => request.name).join(' '));
  return new Promise((resolve, reject) => {
    const add: WaitingAdd = { asked: requests, wait, resolve, reject };
    enter(directory, 'add', add, (adds) => addTogether(directory, adds));
  });
}

async function addTogether(directory: string, adds: readonly WaitingAdd[]): Promise<void> {
  try {
    const batches = adds.map(({ asked }) => asked.map(toNative));
    const results = await native().add(directory, batches, patience(adds));
    adds.forEach((one, index) => settle(one, results[index]));
  } catch (error) {
    // A value of a wrong type is one caller's mistake: the others go without it.
    if (error instanceof TypeError && adds.length > 1) {
      for (const one of adds) await addTogether(directory, [one]);
      return;
    }
    for (const { asked, reject } of adds)
      reject(nativeError(error, `The account of ${names(asked)} was not added`));
  }
}

function settle(one: WaitingAdd, result: Account[] | Error | undefined): void {
  if (Array.isArray(result)) one.resolve(result);
  else one.reject(refused(result, one.asked));
}

function toNative({ range, ...request }: AccountRequest): NativeRequest {
  return { ...request, first: range?.first, last: range?.last };
}

/** Names that some or all of the files do not have are fine. */
export function removeAccounts(gone: readonly string[], options: AccountFilesOptions = {}): Promise<void> {
  const { directory = DIRECTORY, wait = WAIT } = options;
  effect('accounts.remove', gone.join(' '));
  return new Promise((resolve, reject) => {
    const removal: WaitingRemoval = { asked: gone, wait, resolve, reject };
    enter(directory, 'remove', removal, (removals) => removeTogether(directory, removals));
  });
}

async function removeTogether(directory: string, removals: readonly WaitingRemoval[]): Promise<void> {
  try {
    await native().remove(
      directory,
      removals.flatMap(({ asked }) => asked),
      patience(removals),
    );
    for (const { resolve } of removals) resolve();
  } catch (error) {
    const mistaken = error instanceof TypeError || errnoOf(error) === 'EINVAL';
    if (mistaken && removals.length > 1) {
      for (const one of removals) await removeTogether(directory, [one]);
      return;
    }
    for (const { asked, reject } of removals) {
      reject(nativeError(error, `The account of ${asked.join(', ')} was not removed`));
    }
  }
}

/** Through the name service switch, so that accounts of a directory service count too. */
export function findAccount(name: string): Account | undefined {
  return look(`The account ${JSON.stringify(name)}`, () => native().find(name));
}

export function findAccountByUid(uid: number): Account | undefined {
  return look(`The account with uid ${uid}`, () => native().findByUid(uid));
}

function look(what: string, call: () => Account | undefined): Account | undefined {
  try {
    return call();
  } catch (error) {
    throw nativeError(error, `${what} cannot be looked up`);
  }
}

const names = (requests: readonly AccountRequest[]): string => requests.map(({ name }) => name).join(', ');

/** One sentence for each reason why a batch was left out. */
function refused(cause: unknown, requests: readonly AccountRequest[]): unknown {
  const { code, step, errno, path } = cause as {
    code?: string;
    step?: string;
    errno?: number;
    path?: string;
  };
  if (code === undefined || errno === undefined) return cause;
  const request = requests.find(({ name }) => name === path);
  const sentence =
    SENTENCES[`${code} ${step}`] ?? (() => `The account of ${path} was not added: ${code} (${step}).`);
  return new NativeError(sentence(path ?? '', request), { code, errno, cause, ...(step && { step }) });
}

const SENTENCES: Record<string, (name: string, request: AccountRequest | undefined) => string> = {
  'EEXIST passwd': (name) => `An account named ${name} is there already; nothing was added.`,
  'EEXIST left-over': (name) =>
    `The name ${name} is left over in group, gshadow or shadow from an unfinished change; nothing was added. ` +
    'Remove the account first.',
  'EADDRINUSE uid': (name, request) =>
    `The uid or gid ${request?.uid ?? ''} asked for ${name} is taken on this host; nothing was added.`,
  'ENOSPC uid-range': (name, request) =>
    `No uid is free for ${name} between ${request?.range?.first} and ${request?.range?.last}; nothing was added.`,
  'EINVAL uid': (name, request) =>
    `${request?.uid === undefined ? 'The uid range' : `The uid ${request.uid}`} cannot be given to ${name}; ` +
    'nothing was added.',
};
