/**
 * HAProxy's admin socket: one command, one answer, one connection. Invariant: whatever goes wrong is an `OoError`
 * whose code says which of three things it was: nobody listens (`ERR_HAPROXY_DOWN`), no answer in time
 * (`ERR_HAPROXY_TIMEOUT`), or HAProxy said no (`ERR_HAPROXY_COMMAND`).
 */
import { connect } from 'node:net';
import { errnoOf, OoError } from '../native/error.js';

const ANSWER_TIMEOUT = 5_000;
const ANSWER_LIMIT = 64 * 1024 * 1024;
const NOBODY_LISTENS = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK']);

/** Send one line and read until HAProxy closes the connection. */
export function haproxyCommand(
  socketPath: string,
  command: string,
  timeout = ANSWER_TIMEOUT,
): Promise<string> {
  if (/[\n;]/.test(command)) throw new TypeError('one command, one line');
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (code: string, why: string, cause?: unknown): void => {
      socket.destroy();
      reject(new OoError(`HAProxy at ${socketPath} ${why}.`, { code, cause }));
    };
    const socket = connect({ path: socketPath }, () => socket.write(`${command}\n`));
    socket.setTimeout(timeout, () =>
      fail('ERR_HAPROXY_TIMEOUT', `did not answer "${command}" in ${timeout} ms`),
    );
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > ANSWER_LIMIT)
        fail('ERR_HAPROXY_COMMAND', `answered "${command}" with more than ${ANSWER_LIMIT} bytes`);
      else chunks.push(chunk);
    });
    socket.on('error', (cause) => {
      const down = NOBODY_LISTENS.has(errnoOf(cause) ?? '');
      fail(
        down ? 'ERR_HAPROXY_DOWN' : 'ERR_HAPROXY_COMMAND',
        down ? 'is not running' : `broke off during "${command}": ${cause.message}`,
        cause,
      );
    });
    socket.on('end', () => {
      socket.end();
      resolve(Buffer.concat(chunks).toString('utf8').trimEnd());
    });
  });
}

/** A command that answers nothing when it worked. */
export async function haproxyChange(socketPath: string, command: string): Promise<void> {
  const answer = await haproxyCommand(socketPath, command);
  if (answer.trim() === '') return;
  throw new OoError(`HAProxy at ${socketPath} refused "${command}": ${answer.trim()}`, {
    code: 'ERR_HAPROXY_COMMAND',
  });
}
