/**
 * The action table: the name of each action that a bus or a command can call, what its data may be, and its handler.
 * What a `cartridge_do` or a job can ask for stands in node-actions.ts, connectors.ts and cartridge-actions.ts.
 */
import '../operations/all.js';
import type * as v from 'valibot';
import { callSchema, cartridgeDo } from './cartridge-do.js';
import { executeParallel, parallelSchema } from './execute-parallel.js';
import type { ActionContext } from './perform.js';
import type { ActionReply } from './request.js';

export interface Action<S extends v.GenericSchema> {
  readonly schema: S;
  handle(context: ActionContext, data: v.InferOutput<S>): Promise<ActionReply>;
}

function action<S extends v.GenericSchema>(schema: S, handle: Action<S>['handle']): Action<S> {
  return { schema, handle };
}

export const actions = {
  cartridge_do: action(callSchema, cartridgeDo),
  execute_parallel: action(parallelSchema, executeParallel),
} as const;

export type ActionName = keyof typeof actions;
