/**
 * What an operation hands back: the lines the broker or the person at the terminal reads, and the exit code
 * of the facts. A failure is an `OoError` with its own exit code, so a result with a code other than 0 is
 * only used where there is output to keep beside the failure (a hook that printed and failed).
 */
export interface OperationResult {
  readonly output: string;
  readonly exitCode: number;
}

/** The result of an operation that has nothing to say. */
export const silent: OperationResult = Object.freeze({ output: '', exitCode: 0 });

export function succeeded(output: string): OperationResult {
  return { output, exitCode: 0 };
}
