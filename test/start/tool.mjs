// Runs one tool of the set-up and keeps what it prints, to be shown only if it fails. Argument vectors, never a shell.
import { spawn } from 'node:child_process';

/** A failure that is fully told by its message: the starter prints it and ends, without a stack. */
export class SetupError extends Error {}

export function tool(file, argv, { env, cwd, accept = [0] } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) => reject(new SetupError(`${file} cannot be run: ${error.message}.`)));
    child.on('close', (status, signal) => {
      if (accept.includes(status)) resolve({ status, output });
      else
        reject(
          new SetupError(`${file} ${argv.join(' ')} ended with ${status ?? signal}:\n${output.slice(-8000)}`),
        );
    });
  });
}
