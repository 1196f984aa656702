/** The help text of a command, from its definition: what it does, its options in two columns, exit codes, examples. */
import { allOptions, type CommandDefinition, type OptionDefinition } from './definition.js';

const WIDTH = 100;

export function helpText(command: CommandDefinition): string {
  const options = allOptions(command);
  const rows = options.map((option) => [spelling(option), describe(option)] as const);
  const positionals = (command.positionals ?? []).map(
    ({ name, description }) => [name, description] as const,
  );
  const exits = command.exits.map(([code, text]) => [String(code), text] as const);
  const sections = [
    `Usage: ${usageLine(command)}`,
    wrap(command.description ?? `${command.summary}.`, 0),
    ...(positionals.length === 0 ? [] : [`Arguments:\n${table(positionals)}`]),
    `Options:\n${table(rows)}`,
    `Exit status:\n${table(exits)}`,
    ...(command.examples ?? []).map(({ text, command: line }) => `${text}:\n  ${line}`),
  ];
  return `${sections.join('\n\n')}\n`;
}

/** `oo-app-create --with-container-uuid UUID [options]` */
export function usageLine(command: CommandDefinition): string {
  const required = command.options.filter((option) => option.required === true);
  const positionals = (command.positionals ?? []).map(({ name, required: needed, repeatable }) => {
    const shown = `${name}${repeatable === true ? '...' : ''}`;
    return needed === true ? shown : `[${shown}]`;
  });
  return [
    command.name,
    ...required.map((option) => `--${option.long} ${option.argument ?? ''}`.trim()),
    '[options]',
  ]
    .concat(positionals)
    .join(' ');
}

export function spelling({ long, short, argument }: OptionDefinition): string {
  return `${short === undefined ? '    ' : `-${short}, `}--${long}${argument === undefined ? '' : ` ${argument}`}`;
}

export function describe(option: OptionDefinition): string {
  const notes = [
    ...(option.required === true ? ['required'] : []),
    ...(option.repeatable === true ? ['may be repeated'] : []),
    ...(Array.isArray(option.choices) ? [`one of ${option.choices.join(', ')}`] : []),
  ];
  return notes.length === 0 ? option.description : `${option.description} (${notes.join('; ')})`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const left = Math.max(...rows.map(([name]) => name.length)) + 4;
  return rows.map(([name, text]) => `  ${name.padEnd(left - 2)}${wrap(text, left)}`).join('\n');
}

function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}
