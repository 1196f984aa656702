/**
 * From argument vector to values, by the command's definition. Invariant: what comes out holds every required option
 * and no unknown one; whatever is wrong is one sentence and exit 255.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { OoError } from '../native/error.js';
import {
  allOptions,
  usageExit,
  type CommandDefinition,
  type OptionDefinition,
  type Values,
} from './definition.js';

export function parseCommand(command: CommandDefinition, argv: readonly string[]): Values {
  const options = allOptions(command);
  const parsed = parse(command, options, argv);
  const values = new Given(parsed.values, parsed.positionals);
  if (!values.flag('help')) requireAll(command, options, values);
  return values;
}

function usage(command: CommandDefinition, what: string, cause?: unknown): OoError {
  return new OoError(`${what}; see ${command.name} --help.`, {
    code: 'ERR_USAGE',
    exitCode: usageExit,
    cause,
  });
}

type ParsedValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

function parse(
  command: CommandDefinition,
  options: readonly OptionDefinition[],
  argv: readonly string[],
): { readonly values: ParsedValues; readonly positionals: readonly string[] } {
  const config: NonNullable<ParseArgsConfig['options']> = {};
  for (const { long, short, argument, repeatable } of options) {
    config[long] = {
      type: argument === undefined ? 'boolean' : 'string',
      ...(short === undefined ? {} : { short }),
      ...(repeatable === true ? { multiple: true } : {}),
    };
  }
  try {
    return parseArgs({ args: withHelp(argv), options: config, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage(command, sentence(error), error);
  }
}

/** `-?` has always been --help, whatever else `-h` is for a command. */
function withHelp(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, at) => (word === '-?' && (end < 0 || at < end) ? '--help' : word));
}

/** Node's words for a wrong option, without its advice and without the dot. */
function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const first = /^[^\n]*?(?=\.(\s|$)|\n|$)/.exec(text)?.[0] ?? text;
  return first.length > 160 ? `${first.slice(0, 160)}…` : first;
}

function requireAll(command: CommandDefinition, options: readonly OptionDefinition[], values: Given): void {
  for (const option of options) {
    if (
      option.required === true &&
      values.text(option.long) === undefined &&
      values.list(option.long).length === 0
    ) {
      throw usage(command, `The option --${option.long} is required`);
    }
    const twice = option.argument !== undefined && option.repeatable !== true;
    if (twice && values.text(option.long)?.includes('\0') === true) {
      throw usage(command, `The value of --${option.long} holds a NUL`);
    }
  }
  const wanted = command.positionals ?? [];
  const given = values.positionals.length;
  const least = wanted.filter((positional) => positional.required === true).length;
  if (given < least) throw usage(command, `${wanted[given]?.name ?? 'An argument'} is missing`);
  if (given > wanted.length && wanted.at(-1)?.repeatable !== true) {
    throw usage(
      command,
      `There is no place for the argument ${JSON.stringify(values.positionals[wanted.length])}`,
    );
  }
  wanted.forEach((positional, at) => {
    const value = values.positionals[at];
    if (value !== undefined && Array.isArray(positional.choices) && !positional.choices.includes(value)) {
      throw usage(
        command,
        `${positional.name} is one of ${positional.choices.join(', ')}, not ${JSON.stringify(value)}`,
      );
    }
  });
}

class Given implements Values {
  constructor(
    readonly values: ParsedValues,
    readonly positionals: readonly string[],
  ) {}

  text(long: string): string | undefined {
    const value = this.values[long];
    return typeof value === 'string' ? value : undefined;
  }

  list(long: string): readonly string[] {
    const value = this.values[long];
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  }

  flag(long: string): boolean {
    return this.values[long] === true;
  }
}
