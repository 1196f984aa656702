/**
 * Stops a gear, or one cartridge of it. A whole gear's stop ends with the death of every process it has,
 * wherever it was started; `force` asks no script first.
 */
import type { Node } from '../node/node.js';
import { changeRunState, type RunStateInput } from './run-state.js';
import type { OperationResult } from './result.js';

export function stopGear(node: Node, input: RunStateInput): Promise<OperationResult> {
  return changeRunState(node, 'stop', input);
}
