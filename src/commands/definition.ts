/**
 * What a command is: one object with its name, options, exit codes and examples, from which the parser, the help text,
 * the man page and the shell completions are made, and the call it stands for. Invariant: nothing about a command is
 * written twice, and a definition loads nothing but itself, so that `--help` costs no more than starting Node.
 */
export interface OptionDefinition {
  /** Long name without dashes. */
  readonly long: string;
  /** One character. */
  readonly short?: string;
  /** Name of the argument in help texts; absent for a switch. */
  readonly argument?: string;
  readonly required?: boolean;
  /** May be given more than once; the value is a list. */
  readonly repeatable?: boolean;
  readonly description: string;
  /** The values a shell may offer. */
  readonly choices?: readonly string[] | 'gears' | 'cartridges' | 'files';
}

export interface PositionalDefinition {
  readonly name: string;
  readonly required?: boolean;
  readonly repeatable?: boolean;
  readonly description: string;
  readonly choices?: readonly string[] | 'gears' | 'cartridges' | 'files';
}

export interface Example {
  readonly text: string;
  readonly command: string;
}

/** What was given: switches are booleans, repeatable options lists, all else one string. */
export interface Values {
  text(long: string): string | undefined;
  list(long: string): readonly string[];
  flag(long: string): boolean;
  readonly positionals: readonly string[];
}

export interface CommandContext {
  readonly values: Values;
  readonly output: Output;
}

/** Where a command writes; tests put their own here. */
export interface Output {
  /** The result, on standard output, as it is. */
  print(text: string): void;
  /** A line on standard error, in front of it the command's name. */
  complain(text: string): void;
  /** A step of long work: a line that is redrawn on a terminal, a plain line elsewhere, nothing with --json. */
  progress(text: string): void;
  /** Ends the line that is being redrawn. */
  settle(): void;
}

export interface CommandDefinition {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly options: readonly OptionDefinition[];
  readonly positionals?: readonly PositionalDefinition[];
  readonly exits: readonly (readonly [number, string])[];
  readonly examples?: readonly Example[];
  /** May only be run by root. Default true. */
  readonly root?: boolean;
  run(context: CommandContext): Promise<number>;
}

/** Options that every command has. */
export const standardOptions: readonly OptionDefinition[] = [
  { long: 'json', description: 'Write the result as JSON.' },
  { long: 'debug', short: 'd', description: 'Show where an error came from.' },
  { long: 'help', short: 'h', description: 'Show this text and end.' },
];

export const usageExit = 255;
export const notRootExit = 1;

/** All options of a command, the standard ones that it does not define itself last. */
export function allOptions(command: CommandDefinition): readonly OptionDefinition[] {
  const own = new Set(command.options.flatMap((option) => [option.long, option.short]));
  const standard = standardOptions
    .filter((option) => !own.has(option.long))
    .map(({ short, ...rest }) => (short === undefined || own.has(short) ? rest : { ...rest, short }));
  return [...command.options, ...standard];
}
