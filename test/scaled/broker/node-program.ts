/**
 * The program that a broker of another host speaks with: requests come in as lines of JSON, replies go out as lines of
 * JSON, each with the number of its request. Invariant: nothing else is written to standard output.
 */
import { createInterface } from 'node:readline';
import { callAction } from '../../../src/actions/call.js';
import { openNode } from '../../../src/node/node.js';
import type { BrokerMeta } from './node.js';

interface Line {
  readonly id: number;
  readonly action: string;
  readonly data: unknown;
  readonly meta: BrokerMeta;
}

const node = await openNode();
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
say({ identity: node.config.publicHostname });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, action, data, meta } = JSON.parse(line) as Line;
  void callAction(node, action, data, meta).then((reply) => say({ id, reply }));
}
