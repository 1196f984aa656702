/** Completion scripts for bash, zsh and fish, from the definition of a command. Used by the build only. */
import { allOptions, type CommandDefinition, type OptionDefinition } from './definition.js';

/** What a shell runs to list gears or cartridges: a command of this node, its errors not shown. */
const sources = {
  gears: 'oo-admin-ctl-gears list 2>/dev/null',
  cartridges: 'oo-cartridge-list 2>/dev/null | tail -n +2',
} as const;

type Choices = OptionDefinition['choices'];

export function bashCompletion(command: CommandDefinition): string {
  const options = allOptions(command);
  const cases = options
    .filter((option) => option.argument !== undefined)
    .map(
      (option) =>
        `    ${[`--${option.long}`, ...(option.short === undefined ? [] : [`-${option.short}`])].join('|')}) ${bashReply(option.choices)}; return ;;`,
    );
  const words = options.map((option) => `--${option.long}`).join(' ');
  const name = `_${command.name.replaceAll('-', '_')}`;
  return [
    `# bash completion for ${command.name}`,
    `${name}() {`,
    '  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}',
    '  case $previous in',
    ...cases,
    '  esac',
    '  case $current in',
    `    -*) mapfile -t COMPREPLY < <(compgen -W '${words}' -- "$current") ;;`,
    `    *) ${bashReply(command.positionals?.[0]?.choices)} ;;`,
    '  esac',
    '}',
    `complete -F ${name} ${command.name}`,
    '',
  ].join('\n');
}

function bashReply(choices: Choices): string {
  const list = (words: string) => `mapfile -t COMPREPLY < <(compgen -W ${words} -- "$current")`;
  if (choices === undefined) return 'COMPREPLY=()';
  if (choices === 'files') return 'mapfile -t COMPREPLY < <(compgen -f -- "$current")';
  if (typeof choices === 'string') return list(`"$(${sources[choices]})"`);
  return list(`'${choices.join(' ')}'`);
}

export function zshCompletion(command: CommandDefinition): string {
  const options = allOptions(command).map((option) => {
    const text = option.description.replace(/[[\]:]/g, '\\$&').replaceAll("'", "'\\''");
    const value = option.argument === undefined ? '' : `:${option.argument}:${zshAction(option.choices)}`;
    const many = option.repeatable === true ? '*' : '';
    return `  '${many}--${option.long}[${text}]${value}'`;
  });
  const positionals = (command.positionals ?? []).map((positional) => {
    const many = positional.repeatable === true ? '*' : '';
    return `  '${many}:${positional.name}:${zshAction(positional.choices)}'`;
  });
  return [
    `#compdef ${command.name}`,
    '_arguments -S \\',
    [...options, ...positionals].join(' \\\n'),
    '',
  ].join('\n');
}

function zshAction(choices: Choices): string {
  if (choices === undefined) return ' ';
  if (choices === 'files') return '_files';
  if (typeof choices === 'string') return `($(${sources[choices]}))`;
  return `(${choices.join(' ')})`;
}

export function fishCompletion(command: CommandDefinition): string {
  const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const options = allOptions(command).map((option) => {
    const short = option.short === undefined || option.short === '?' ? '' : ` -s ${option.short}`;
    const argument = option.argument === undefined ? '' : ` -r${fishChoices(option.choices, quoted)}`;
    return `complete -c ${command.name} -l ${option.long}${short}${argument} -d ${quoted(option.description)}`;
  });
  const first = command.positionals?.[0];
  const positional =
    first === undefined
      ? []
      : [`complete -c ${command.name}${fishChoices(first.choices, quoted)} -d ${quoted(first.name)}`];
  return [`# fish completion for ${command.name}`, ...options, ...positional, ''].join('\n');
}

function fishChoices(choices: Choices, quoted: (text: string) => string): string {
  if (choices === undefined) return ' -f';
  if (choices === 'files') return ' -F';
  if (typeof choices === 'string') return ` -f -a ${quoted(`(${sources[choices]})`)}`;
  return ` -f -a ${quoted(choices.join(' '))}`;
}
