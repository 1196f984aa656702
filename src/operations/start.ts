/**
 * Starts or restarts a gear, or one cartridge of it.
 */
import type { Node } from '../node/node.js';
import { changeRunState, type RunStateInput } from './run-state.js';
import type { OperationResult } from './result.js';

export type StartInput = Omit<RunStateInput, 'force' | 'reason'>;

export function startGear(node: Node, input: StartInput): Promise<OperationResult> {
  return changeRunState(node, 'start', input);
}

export function restartGear(node: Node, input: StartInput): Promise<OperationResult> {
  return changeRunState(node, 'restart', input);
}
