/**
 * One runtime map of HAProxy, in two places: the running process's memory and the file its next start reads. A change
 * goes to the file first and then to memory by one runtime command, without a reload, both under one lock that
 * every process on this host shares. Invariant: after a change returns, memory (if HAProxy runs) and file agree; after
 * a crash between the two, the same change again or `reconcile` makes them agree. `add map` on a key that is there
 * adds a second entry without a word, so each command is chosen by what `get map` says.
 */
import path from 'node:path';
import { effect } from '../native/effect.js';
import { errnoOf, OoError } from '../native/error.js';
import { LockFile } from '../native/lock.js';
import { haproxyChange, haproxyCommand } from './haproxy-socket.js';
import { withLock } from './lock.js';
import { MapFile } from './map-file.js';

const LOCK_TIMEOUT = 30_000;

/** `running`: the running HAProxy has it too. `file`: HAProxy is not running, its next start reads it. */
export type MapOutcome = 'running' | 'file';

export interface Reconciled {
  readonly outcome: MapOutcome;
  /** Keys whose entry in HAProxy's memory was added, changed or removed to equal the file. */
  readonly mended: readonly string[];
}

export class HaproxyMap {
  readonly #file: MapFile;
  #lock: LockFile | undefined;

  constructor(
    readonly socketPath: string,
    readonly mapFile: string,
    private readonly warn: (message: string) => void = () => {},
  ) {
    this.#file = new MapFile(mapFile);
  }

  /** The durable value of a key. */
  get(key: string): string | undefined {
    return this.#file.get(checkedWord(key));
  }

  set(key: string, value: string): Promise<MapOutcome> {
    return this.edit(new Map([[key, value]]));
  }

  remove(key: string): Promise<MapOutcome> {
    return this.edit(new Map([[key, undefined]]));
  }

  /**
   * Several changes as one: one rewrite of the file, then HAProxy's memory key by key. `first` is run before them while
   * nobody else can change the map; what it throws keeps them from being made.
   */
  async edit(
    changes: ReadonlyMap<string, string | undefined>,
    first: () => void = () => {},
  ): Promise<MapOutcome> {
    for (const [key, value] of changes) {
      checkedWord(key);
      if (value !== undefined) checkedWord(value);
    }
    return this.#exclusively(async () => {
      first();
      await this.#file.edit(changes);
      return this.#unlessDown(async () => {
        for (const [key, value] of changes) await this.#apply(key, value);
      });
    });
  }

  /** Make the running HAProxy equal to the file: after its start, and after a crash. */
  async reconcile(): Promise<Reconciled> {
    const mended: string[] = [];
    const outcome = await this.#exclusively(() =>
      this.#unlessDown(async () => {
        const wanted = await this.#file.entries();
        const { values, repeated } = await this.#memory();
        for (const key of repeated) await this.#apply(key, undefined);
        for (const key of repeated) values.delete(key);
        for (const key of new Set([...wanted.keys(), ...values.keys(), ...repeated])) {
          if (wanted.get(key) === values.get(key) && !repeated.has(key)) continue;
          await this.#apply(key, wanted.get(key));
          mended.push(key);
        }
      }),
    );
    return { outcome, mended };
  }

  /** What the running HAProxy has for a key; rejects `ERR_HAPROXY_DOWN`. */
  async running(key: string): Promise<string | undefined> {
    const answer = await haproxyCommand(this.socketPath, `get map ${this.mapFile} ${checkedWord(key)}`);
    const found = /\bfound=(yes|no)\b/.exec(answer)?.[1];
    if (found === undefined) throw this.#unexpected('get map', answer);
    return found === 'yes' ? /\bvalue="([^"]*)"/.exec(answer)?.[1] : undefined;
  }

  /** Keys that the running HAProxy and the file do not have alike; rejects `ERR_HAPROXY_DOWN`. Changes nothing. */
  async differences(): Promise<readonly string[]> {
    return this.#exclusively(async () => {
      const wanted = await this.#file.entries();
      const { values, repeated } = await this.#memory();
      const keys = new Set([...wanted.keys(), ...values.keys()]);
      return [...keys].filter((key) => wanted.get(key) !== values.get(key) || repeated.has(key)).sort();
    });
  }

  async #apply(key: string, value: string | undefined): Promise<void> {
    const current = await this.running(key);
    if (current === value) return;
    effect('haproxy.map.command', `${key} ${value ?? ''}`);
    if (value === undefined) await haproxyChange(this.socketPath, `del map ${this.mapFile} ${key}`);
    else if (current === undefined)
      await haproxyChange(this.socketPath, `add map ${this.mapFile} ${key} ${value}`);
    else await haproxyChange(this.socketPath, `set map ${this.mapFile} ${key} ${value}`);
  }

  async #memory(): Promise<{ values: Map<string, string>; repeated: Set<string> }> {
    const answer = await haproxyCommand(this.socketPath, `show map ${this.mapFile}`);
    const values = new Map<string, string>();
    const repeated = new Set<string>();
    for (const line of answer.split('\n').filter((text) => text !== '')) {
      const match = /^0x[0-9a-f]+ (\S+) (\S+)$/.exec(line);
      if (match === null) throw this.#unexpected('show map', line);
      if (values.has(match[1]!)) repeated.add(match[1]!);
      values.set(match[1]!, match[2]!);
    }
    return { values, repeated };
  }

  #unexpected(command: string, answer: string): OoError {
    return new OoError(
      `HAProxy at ${this.socketPath} does not serve the map ${this.mapFile} ("${command}" said: ${answer.trim()}). ` +
        'The file is written; start HAProxy with the configuration that oo-admin-node-setup made.',
      { code: 'ERR_HAPROXY_COMMAND' },
    );
  }

  async #unlessDown(change: () => Promise<void>): Promise<MapOutcome> {
    try {
      await change();
      return 'running';
    } catch (error) {
      if (errnoOf(error) !== 'ERR_HAPROXY_DOWN') throw error;
      this.warn(
        `HAProxy is not running (${this.socketPath}): ${this.mapFile} is written and its next start reads it.`,
      );
      return 'file';
    }
  }

  /** One writer at a time, of this process and of all others. */
  #exclusively<T>(body: () => Promise<T>): Promise<T> {
    this.#lock ??= LockFile.open(path.join(path.dirname(this.socketPath), 'routes.lock'));
    return withLock(this.#lock, 0n, body, {
      timeout: LOCK_TIMEOUT,
      busy: () =>
        new OoError(
          'Another process has held the lock of the routes for 30 s. Nothing was changed; try again.',
          { code: 'ERR_ROUTES_BUSY' },
        ),
    });
  }
}

/** Keys and values are pasted into a command line and a file line: nothing that either gives a meaning to. */
function checkedWord(word: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,254}$/.test(word)) return word;
  throw new OoError(
    `${JSON.stringify(word.slice(0, 64))} cannot stand in a map of HAProxy. Nothing was changed.`,
    {
      code: 'ERR_BAD_ROUTE',
    },
  );
}
