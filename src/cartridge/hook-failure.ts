/**
 * A cartridge's script that failed: its exit code and what it said, already fit for the client. Invariant: `output`
 * holds client lines only.
 */
import { OoError } from '../native/error.js';
import type { LaunchResult } from '../native/launch.js';
import { CUT_HERE, failureOutput } from './output.js';

export class HookFailure extends OoError {
  readonly output: string;

  constructor(
    message: string,
    details: {
      readonly exitCode: number;
      readonly gear: string;
      readonly step: string;
      readonly output: string;
    },
  ) {
    super(message, { code: 'ERR_HOOK', exitCode: details.exitCode, gear: details.gear, step: details.step });
    this.output = details.output;
  }
}

/** How it ended, in words: for messages. */
export function endOf(result: LaunchResult): string {
  if (result.timedOut)
    return `did not end within its time (${Math.round(result.milliseconds / 1000)} s) and was killed`;
  if (result.aborted) return 'was stopped';
  return result.signal === null || result.signal === undefined
    ? `ended with ${result.exitCode ?? 'no exit code'}`
    : `was killed by ${result.signal}`;
}

export function hookFailure(what: string, gear: string, result: LaunchResult, prefix = ''): HookFailure {
  const longer = result.truncated ? `CLIENT_MESSAGE: ${CUT_HERE}\n` : '';
  const said = failureOutput(result.stdout, result.stderr) + longer;
  const cut =
    result.timedOut || result.signal !== undefined ? `CLIENT_ERROR: ${what} ${endOf(result)}.\n` : '';
  return new HookFailure(`${what} ${endOf(result)}.`, {
    exitCode: result.exitCode === undefined || result.exitCode === 0 ? 1 : result.exitCode,
    gear,
    step: what,
    output: `${prefix}${said}${cut}`,
  });
}

/** The failed hook behind an error, however it was wrapped. */
export function failedHook(error: unknown): HookFailure | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (at instanceof HookFailure) return at;
  return undefined;
}
