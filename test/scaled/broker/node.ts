/** A node as a broker sees it: an identity, and requests that are answered. In this process it is the library. */
import { callAction } from '../../../src/actions/call.js';
import type { ActionReply, RequestMeta } from '../../../src/actions/request.js';
import type { Node } from '../../../src/node/node.js';

export type BrokerMeta = Omit<RequestMeta, 'given'>;

export interface BrokerNode {
  /** The name by which the jobs of an execute_parallel are addressed. */
  readonly identity: string;
  call(action: string, data: unknown, meta: BrokerMeta): Promise<ActionReply>;
}

/** A node of this machine, called through the library. */
export function inProcess(node: Node): BrokerNode {
  return {
    identity: node.config.publicHostname,
    call: (action, data, meta) => callAction(node, action, data, meta),
  };
}
