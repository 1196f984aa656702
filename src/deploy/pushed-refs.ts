/**
 * What a push changed, as git tells its hooks: lines of `old new ref` on standard input. Invariant: only the one branch
 * that is deployed is ever looked at, and what is returned is a full object id, never a word of the pusher's.
 */
import { OoError } from '../native/error.js';

export interface PushedRef {
  readonly branch: string;
  readonly commit: string;
}

const LINE = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) refs\/heads\/(.+)$/;

/** The branch that is deployed, from the gear's environment. */
export function deploymentBranch(environment: Readonly<Record<string, string>>): string {
  const branch = environment['OPENSHIFT_DEPLOYMENT_BRANCH'];
  return branch === undefined || branch === '' ? 'master' : branch;
}

/** What the push did to that branch, or undefined when it left it alone. */
export function pushedRef(input: string, branch: string): PushedRef | undefined {
  for (const line of input.split('\n')) {
    const match = LINE.exec(line);
    if (match === null || match[3] !== branch) continue;
    if (/^0+$/.test(match[2]!)) {
      throw new OoError(
        `The branch ${branch} is what this application is deployed from and cannot be deleted.`,
        {
          code: 'ERR_BRANCH_DELETED',
          exitCode: 255,
        },
      );
    }
    return { branch, commit: match[2]! };
  }
  return undefined;
}
