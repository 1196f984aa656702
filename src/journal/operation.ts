/**
 * What an operation is to the journal: a registered name, steps in order, and a way to rebuild its context
 * from the JSON it was started with. Invariant: `undo` is right whether its step has run, has half run or
 * never began, and may run twice; in an operation that recovers forward the same holds for `run`.
 */
export interface Step<C> {
  readonly name: string;
  run(context: C): Promise<void> | void;
  undo?(context: C): Promise<void> | void;
}

export interface OperationDefinition<I, C extends object> {
  /** Lower-case letters, digits and dashes; part of a file name and never reused for something else. */
  readonly name: string;
  /** What becomes of an operation whose process died: all steps undone, or all steps run again. */
  readonly recover: 'back' | 'forward';
  /** Rebuilds the context from the input alone; called again, in another process, by recovery. */
  open(input: I): Promise<C> | C;
  readonly steps: readonly Step<C>[] | ((context: C) => readonly Step<C>[]);
}

/** What recovery did with one journal entry. */
export interface Recovered {
  readonly gear: string;
  readonly operation: string;
  /**
   * `torn`: written only in part, so no step had begun. `finished`: all steps had ended. `kept`: see `error`.
   */
  readonly outcome: 'back' | 'forward' | 'finished' | 'torn' | 'kept';
  readonly error?: Error;
}
