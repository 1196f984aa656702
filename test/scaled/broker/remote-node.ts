/**
 * A node in another host: a program is started there (node-program.ts) that answers one line of JSON with another.
 * Invariant: each call gets its own reply or an error; when the program ends, every call that waits learns of it.
 */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ActionReply } from '../../../src/actions/request.js';
import type { Host } from '../../hosts/host.js';
import type { BrokerNode } from './node.js';

export interface RemoteNode extends BrokerNode, AsyncDisposable {
  /** Ends the program; what its node runs goes on. */
  stop(): Promise<void>;
}

interface Waiting {
  resolve(reply: ActionReply): void;
  reject(error: Error): void;
}

const program = fileURLToPath(new URL('./node-program.js', import.meta.url));

export async function startNode(host: Host): Promise<RemoteNode> {
  const child = host.spawn([process.execPath, program]);
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error('The program has no pipes.');
  const waiting = new Map<number, Waiting>();
  let complaint = '';
  let over = false;
  let calls = 0;
  stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-4096)));
  stdin.on('error', () => undefined);
  const gone = (): Error => new Error(`The node of ${host.info.hostname} answers no more. ${complaint}`);
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      over = true;
      for (const { reject } of waiting.values()) reject(gone());
      resolve();
    }),
  );
  const lines = createInterface({ input: stdout });
  const identity = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(gone()));
    lines.once('line', (first) => resolve((JSON.parse(first) as { identity: string }).identity));
  });
  lines.on('line', (line) => {
    const { id, reply } = JSON.parse(line) as { id: number; reply: ActionReply };
    waiting.get(id)?.resolve(reply);
    waiting.delete(id);
  });
  const stop = async (): Promise<void> => {
    stdin.end();
    await ended;
  };
  return {
    identity,
    call: (action, data, meta) =>
      new Promise((resolve, reject) => {
        if (over) return reject(gone());
        const id = (calls += 1);
        waiting.set(id, { resolve, reject });
        stdin.write(`${JSON.stringify({ id, action, data, meta })}\n`);
      }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
