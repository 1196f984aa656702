/** The man page of a command (section 8), from its definition. Used by the build only. */
import { allOptions, type CommandDefinition } from './definition.js';
import { describe, usageLine } from './help.js';

export function manPage(command: CommandDefinition, version: string): string {
  const paragraphs = (command.description ?? `${command.summary}.`).split('\n\n');
  return [
    `.TH ${roff(command.name.toUpperCase())} 8 "" "oo-node ${roff(version)}" "oo-node"`,
    '.SH NAME',
    `${roff(command.name)} \\- ${roff(lowerFirst(command.summary))}`,
    '.SH SYNOPSIS',
    `.B ${roff(command.name)}`,
    roff(usageLine(command).slice(command.name.length + 1)),
    '.SH DESCRIPTION',
    ...paragraphs.flatMap((paragraph, at) => [...(at === 0 ? [] : ['.PP']), roff(paragraph)]),
    ...section(
      'ARGUMENTS',
      (command.positionals ?? []).map(({ name, description }) => [`.I ${roff(name)}`, description]),
    ),
    ...section(
      'OPTIONS',
      allOptions(command).map((option) => {
        const short = option.short === undefined ? '' : `\\fB\\-${option.short}\\fR, `;
        const argument = option.argument === undefined ? '' : ` \\fI${roff(option.argument)}\\fR`;
        return [`${short}\\fB${roff(`--${option.long}`)}\\fR${argument}`, describe(option)];
      }),
    ),
    ...section(
      'EXIT STATUS',
      command.exits.map(([code, text]) => [`.B ${code}`, text]),
    ),
    ...(command.examples === undefined ? [] : ['.SH EXAMPLES']),
    ...(command.examples ?? []).flatMap(({ text, command: line }) => [
      '.PP',
      `${roff(text)}:`,
      '.PP',
      '.nf',
      `    ${roff(line)}`,
      '.fi',
    ]),
    '.SH FILES',
    '.PP',
    '/etc/openshift/node.conf, /etc/openshift/resource_limits.conf, /var/log/openshift/node/actions.log',
    '',
  ].join('\n');
}

function section(title: string, rows: readonly (readonly [string, string])[]): readonly string[] {
  return rows.length === 0
    ? []
    : [`.SH ${title}`, ...rows.flatMap(([head, text]) => ['.TP', head, roff(text)])];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Text in which roff sees no request, no escape and no hyphenation point. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}
