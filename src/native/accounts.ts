/**
 * Local accounts, each with a group of its own name and id. Invariants (held by the addon): the files are changed
 * under the lock that shadow-utils honours, whole or not at all; passwd, which makes an account visible, is written
 * last and cleared first. Calls that meet while another is at work are done in one pass together.
 */
import { effect } from './effect.js';
import { NativeError } from './error.js';
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

interface Waiting {
  readonly requests: readonly AccountRequest[];
  resolve(accounts: readonly Account[]): void;
  reject(error: unknown): void;
}

/** One queue for each folder: a worker thread must not wait for a lock that another of ours holds. */
interface Queue {
  adds: Waiting[];
  tail: Promise<void>;
}
const queues = new Map<string, Queue>();

function queueOf(directory: string): Queue {
  let queue = queues.get(directory);
  if (queue === undefined) queues.set(directory, (queue = { adds: [], tail: Promise.resolve() }));
  return queue;
}

/**
 * All of them or none. NativeError codes: EEXIST (name taken, or left over in one of the files), EADDRINUSE (uid or
 * gid taken), ENOSPC with step `uid-range` (range full), EBUSY (lock not had), EINVAL (a field cannot be written).
 */
export function addAccounts(
  requests: readonly AccountRequest[],
  options: AccountFilesOptions = {},
): Promise<readonly Account[]> {
  const directory = options.directory ?? DIRECTORY;
  const wait = options.wait ?? WAIT;
  effect('accounts.add', requests.map((request) => request.name).join(' '));
  const queue = queueOf(directory);
  return new Promise((resolve, reject) => {
    queue.adds.push({ requests, resolve, reject });
    // The first to come waits for the pass before; the others of its time travel with it.
    if (queue.adds.length === 1) queue.tail = queue.tail.then(() => addWaiting(queue, directory, wait));
  });
}

async function addWaiting(queue: Queue, directory: string, wait: number): Promise<void> {
  const waiting = queue.adds;
  queue.adds = [];
  try {
    const results = await native().add(
      directory,
      waiting.map(({ requests }) => requests.map(toNative)),
      wait,
    );
    waiting.forEach((one, index) => settle(one, results[index]));
  } catch (error) {
    for (const { requests, reject } of waiting) {
      reject(nativeError(error, `The account of ${names(requests)} was not added`));
    }
  }
}

function settle(one: Waiting, result: Account[] | Error | undefined): void {
  if (Array.isArray(result)) one.resolve(result);
  else one.reject(refused(result, one.requests));
}

function toNative({ range, ...request }: AccountRequest): NativeRequest {
  return { ...request, first: range?.first, last: range?.last };
}

/** Names that some or all of the files do not have are fine. */
export function removeAccounts(gone: readonly string[], options: AccountFilesOptions = {}): Promise<void> {
  const directory = options.directory ?? DIRECTORY;
  effect('accounts.remove', gone.join(' '));
  const queue = queueOf(directory);
  const done = queue.tail.then(async () => {
    try {
      await native().remove(directory, gone, options.wait ?? WAIT);
    } catch (error) {
      throw nativeError(error, `The account of ${gone.join(', ')} was not removed`);
    }
  });
  queue.tail = done.catch(() => undefined);
  return done;
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
