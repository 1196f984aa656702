/** The shape of an action with named arguments: what the arguments may be, and what is done with them. */
import type * as v from 'valibot';
import type { Node } from '../node/node.js';

/** As an `OperationResult`, but get-quota answers a list. */
export interface InnerResult {
  readonly output: unknown;
  readonly exitCode: number;
}

export interface InnerAction<S extends v.GenericSchema = v.GenericSchema> {
  readonly schema: S;
  handle(node: Node, args: v.InferOutput<S>): Promise<InnerResult> | InnerResult;
}

export function inner<S extends v.GenericSchema>(schema: S, handle: InnerAction<S>['handle']): InnerAction {
  return { schema, handle } as InnerAction;
}

export function said(output: unknown): InnerResult {
  return { output, exitCode: 0 };
}
