/**
 * What the evaluation of a template has at hand: values, the environment, a count of steps. Invariant: there is no
 * way from a scope to anything else of this process or of the host.
 */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** A number with a point, which prints as one even when it is whole. */
export class Float {
  constructor(readonly value: number) {}
}

export interface Known {
  readonly object: 'ENV' | 'File';
}

export type Value = string | number | boolean | null | Float | RegExp | Known | readonly Value[];

export interface Scope {
  readonly env: Readonly<Record<string, string>>;
  /** What is there of that name, below the gear's home? */
  exists(path: string): 'file' | 'directory' | undefined;
  readonly names: Map<string, Value>;
  /** Regular expressions are only for templates the node trusts: a bad one could run for ever. */
  readonly patterns: boolean;
  step(): void;
}
