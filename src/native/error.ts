/**
 * The one error of the house. It carries a code a program can test, the gear and the step it concerns, the exit
 * status a command or a reply ends with, and a message that says what was wrong, what was not done and what to do.
 * Every error that crosses a room's border is one of these; the cause keeps what lay below.
 */
export interface OoErrorDetails {
  /** Upper-case, stable: `ERR_GEAR_EXISTS`, `ERR_LAUNCH_EXEC`. */
  readonly code: string;
  /** Exit status of the command and `exitcode` of the reply. Default 1. */
  readonly exitCode?: number;
  /** Uuid of the gear concerned. */
  readonly gear?: string;
  /** Name of the journaled step, or of the confinement step, that failed. */
  readonly step?: string;
  readonly cause?: unknown;
}

export class OoError extends Error {
  readonly code: string;
  readonly exitCode: number;
  readonly gear: string | undefined;
  readonly step: string | undefined;

  constructor(message: string, details: OoErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'OoError';
    this.code = details.code;
    this.exitCode = details.exitCode ?? 1;
    this.gear = details.gear;
    this.step = details.step;
  }
}

/** A system call that failed in the addon: `code` is the errno's name (`ENOENT`), `step` the call or confinement step. */
export class NativeError extends OoError {
  readonly errno: number;

  constructor(message: string, details: OoErrorDetails & { readonly errno: number }) {
    super(message, details);
    this.name = 'NativeError';
    this.errno = details.errno;
  }
}

/** The errno name of anything thrown, or undefined: `errnoOf(error) === 'ENOENT'`. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
