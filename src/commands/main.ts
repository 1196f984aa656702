/**
 * Runs one command: parses its arguments, answers --help, refuses anybody but root where it must, and turns whatever
 * is thrown into one sentence and an exit code. Invariant: nothing of a command's work is loaded before its arguments
 * are known to be right.
 */
import { OoError } from '../native/error.js';
import { notRootExit, usageExit, type CommandDefinition, type Output, type Values } from './definition.js';
import { helpText } from './help.js';
import { parseCommand } from './parse.js';

/** Runs the command with the process's own arguments and leaves its exit code behind. */
export async function main(command: CommandDefinition): Promise<void> {
  process.exitCode = await runCommand(command, process.argv.slice(2), terminalOutput(command.name));
}

/** The exit code of the command, run with these arguments. */
export async function runCommand(
  command: CommandDefinition,
  argv: readonly string[],
  output: Output,
): Promise<number> {
  let values: Values | undefined;
  try {
    values = parseCommand(command, argv);
    if (values.flag('help')) {
      output.print(helpText(command));
      return 0;
    }
    if (command.root !== false && process.geteuid?.() !== 0) {
      throw new OoError('Only root may do this, because it changes the whole node. Nothing was done.', {
        code: 'ERR_NOT_ROOT',
        exitCode: notRootExit,
      });
    }
    return await command.run({ values, output: values.flag('json') ? { ...output, progress() {} } : output });
  } catch (error) {
    output.settle();
    return explain(error, values, output);
  }
}

function explain(error: unknown, values: Values | undefined, output: Output): number {
  const exitCode = error instanceof OoError ? error.exitCode : usageExit;
  const message = error instanceof Error ? error.message : String(error);
  if (values?.flag('json') === true) {
    const code = error instanceof OoError ? error.code : 'ERR_UNEXPECTED';
    output.print(`${JSON.stringify({ exitcode: exitCode, error: message, code })}\n`);
  }
  output.complain(message.replaceAll('\n', ' '));
  if (values?.flag('debug') === true && error instanceof Error) output.complain(error.stack ?? '');
  return exitCode === 0 ? 1 : exitCode;
}

function terminalOutput(name: string): Output {
  const redraw = process.stderr.isTTY;
  let open = false;
  const settle = (): void => {
    if (open) process.stderr.write('\n');
    open = false;
  };
  return {
    print: (text) => void process.stdout.write(text),
    complain: (text) => {
      settle();
      process.stderr.write(`${name}: ${text}\n`);
    },
    progress: (text) => {
      process.stderr.write(redraw ? `\r\x1b[K${text}` : `${text}\n`);
      open = redraw;
    },
    settle,
  };
}
