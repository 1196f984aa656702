/**
 * The journal of running operations. An operation is written down before its first step and crossed out after
 * its last; whatever is found written down belongs to a process that died, and is undone or run again as its
 * definition says. Invariant: after `run` returns or throws, or after `recover` has reported an entry other
 * than `kept`, the host is as before or as after that operation. The caller holds the gear's lock in both.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { errnoOf, OoError } from '../native/error.js';
import { Entry, parseEntryName, readEntry, removeEntry, type EntryName } from './entry.js';
import type { OperationDefinition, Recovered, Step } from './operation.js';

type AnyDefinition = OperationDefinition<unknown, object>;

function stepsOf<I, C extends object>(definition: OperationDefinition<I, C>, context: C): readonly Step<C>[] {
  return typeof definition.steps === 'function' ? definition.steps(context) : definition.steps;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

let last = 0n;

/**
 * Grows in this process and, for all practical purposes, between processes: microseconds of the wall clock.
 */
function nextNumber(): bigint {
  const now = BigInt(Date.now()) * 1000n;
  last = now > last ? now : last + 1n;
  return last;
}

export class Journal {
  readonly #definitions = new Map<string, AnyDefinition>();

  private constructor(readonly directory: string) {}

  static open(directory: string): Journal {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new OoError(
        `The journal ${directory} cannot be opened (${errnoOf(cause) ?? 'unknown error'}). Nothing was done; run this as root.`,
        { code: 'ERR_JOURNAL', exitCode: 255, cause },
      );
    }
    return new Journal(directory);
  }

  register<I, C extends object>(definition: OperationDefinition<I, C>): void {
    if (!/^[a-z][a-z0-9-]*$/.test(definition.name))
      throw new TypeError(`bad operation name ${definition.name}`);
    this.#definitions.set(definition.name, definition as unknown as AnyDefinition);
  }

  /**
   * Runs all steps. A failed step is undone with all before it (or, forward, left for recovery), and its
   * error thrown.
   */
  async run<I, C extends object>(definition: OperationDefinition<I, C>, gear: string, input: I): Promise<C> {
    this.register(definition);
    const context = await definition.open(input);
    const steps = stepsOf(definition, context);
    const entry = await Entry.begin(this.directory, nextNumber(), {
      version: 1,
      gear,
      operation: definition.name,
      input,
      pid: process.pid,
      time: new Date().toISOString(),
    });
    try {
      await this.#forward(definition, gear, context, steps, entry);
      entry.note({ finished: true });
    } finally {
      entry.close();
    }
    await removeEntry(this.directory, basename(entry.path));
    return context;
  }

  async #forward<I, C extends object>(
    definition: OperationDefinition<I, C>,
    gear: string,
    context: C,
    steps: readonly Step<C>[],
    entry: Entry,
  ): Promise<void> {
    for (const [index, step] of steps.entries()) {
      entry.note({ begin: step.name });
      try {
        await step.run(context);
      } catch (thrown) {
        if (definition.recover === 'forward') throw failure(thrown, gear, step.name, AGAIN);
        const broken = await undo(context, steps.slice(0, index + 1), entry);
        if (broken === undefined) await removeEntry(this.directory, basename(entry.path));
        const left = broken && `Undoing it failed too: ${broken.message} Run oo-admin-ctl-gears recover.`;
        throw failure(thrown, gear, step.name, left);
      }
      entry.note({ end: step.name });
    }
  }

  /** Entries on disk, the newest first: an operation within another one is undone before it. */
  pending(gear?: string): readonly EntryName[] {
    return readdirSync(this.directory)
      .map(parseEntryName)
      .filter((name): name is EntryName => name !== undefined && (gear === undefined || name.gear === gear))
      .sort((a, b) => (a.number < b.number ? 1 : a.number > b.number ? -1 : 0));
  }

  /**
   * Brings every entry (of one gear) to an end. Without a gear, `exclusively` must be given: it runs its
   * function holding that gear's lock, or returns undefined when a live process holds it, whose operations
   * are skipped.
   */
  async recover(
    options: {
      readonly gear?: string;
      readonly exclusively?: (
        gear: string,
        work: () => Promise<Recovered[]>,
      ) => Promise<Recovered[] | undefined>;
    } = {},
  ): Promise<readonly Recovered[]> {
    const { gear, exclusively } = options;
    if (gear !== undefined) return this.#recoverGear(gear);
    if (exclusively === undefined) throw new TypeError('recovery of all gears needs their locks');
    const recovered: Recovered[] = [];
    for (const name of new Set(this.pending().map((entry) => entry.gear))) {
      recovered.push(...((await exclusively(name, () => this.#recoverGear(name))) ?? []));
    }
    return recovered;
  }

  /** Crosses out every entry of a gear that is gone for good, so that nothing is recovered of it any more. */
  async forget(gear: string): Promise<void> {
    for (const { file } of this.pending(gear)) await removeEntry(this.directory, file);
  }

  async #recoverGear(gear: string): Promise<Recovered[]> {
    const recovered: Recovered[] = [];
    for (const name of this.pending(gear)) {
      const outcome = await this.#recoverEntry(name);
      if (outcome !== undefined) recovered.push({ gear, operation: name.operation, ...outcome });
    }
    return recovered;
  }

  async #recoverEntry(name: EntryName): Promise<Pick<Recovered, 'outcome' | 'error'> | undefined> {
    const kept = (message: string, cause?: unknown) => ({
      outcome: 'kept' as const,
      error: new OoError(
        `Operation ${name.operation} of gear ${name.gear} was cut short and cannot be recovered: ${message}. Nothing else was done; mend that and run oo-admin-ctl-gears recover, or destroy the gear. Its journal entry ${this.directory}/${name.file} was kept.`,
        { code: 'ERR_RECOVER', gear: name.gear, cause },
      ),
    });
    let parsed: ReturnType<typeof readEntry>;
    try {
      parsed = readEntry(this.directory, name.file);
    } catch (error) {
      return errnoOf(error) === 'ENOENT' ? undefined : kept('the entry cannot be read', error);
    }
    if (parsed.kind === 'corrupt') return kept(parsed.why);
    if (parsed.kind === 'torn' || parsed.finished) {
      await removeEntry(this.directory, name.file);
      return { outcome: parsed.kind === 'torn' ? 'torn' : 'finished' };
    }
    const definition = this.#definitions.get(name.operation);
    if (definition === undefined) return kept('this version does not know such an operation');
    try {
      const context = await definition.open(parsed.beginning.input);
      const steps = stepsOf(definition, context);
      if (definition.recover === 'forward') for (const step of steps) await step.run(context);
      else {
        const broken = await undo(context, steps);
        if (broken !== undefined) return kept(broken.message, broken);
      }
    } catch (thrown) {
      return kept(asError(thrown).message.replace(/\.$/, ''), thrown);
    }
    await removeEntry(this.directory, name.file);
    return { outcome: definition.recover };
  }
}

/** Undoes steps from the last to the first; goes on after a failure, and returns the first one. */
async function undo<C>(context: C, steps: readonly Step<C>[], entry?: Entry): Promise<Error | undefined> {
  let broken: Error | undefined;
  for (const step of steps.toReversed()) {
    entry?.note({ undo: step.name });
    try {
      await step.undo?.(context);
    } catch (thrown) {
      broken ??= asError(thrown);
    }
  }
  return broken;
}

const AGAIN = 'The next command on this gear, or oo-admin-ctl-gears recover, goes on with it.';

/** The step's own error, told apart by step and gear, and what is left of it, because the host is then in between. */
function failure(thrown: unknown, gear: string, step: string, left: string | undefined): Error {
  const error = asError(thrown);
  if (left === undefined && error instanceof OoError && error.step !== undefined) return error;
  const rest = left === undefined ? '' : ` ${left}`;
  const details = { gear, step, cause: thrown };
  return error instanceof OoError
    ? new OoError(`${error.message}${rest}`, { code: error.code, exitCode: error.exitCode, ...details })
    : new OoError(`Step ${step} failed: ${error.message}${rest}`, {
        code: errnoOf(thrown) ?? 'ERR_STEP',
        ...details,
      });
}
