/**
 * Where an application's code may be cloned from. Invariant: a `SourceUrl` names a network protocol (never a file or a
 * program of this host), is one argument git cannot take for an option, and shows no password in a message.
 */
import { OoError } from '../native/error.js';

/** What git may speak, whatever a redirect or a submodule asks for; `file` and `ext` would read this host. */
export const allowedProtocols = ['git', 'http', 'https', 'ftp', 'ftps', 'ssh'] as const;

export interface SourceUrl {
  readonly url: string;
  /** What stands after `#`: the branch, tag or commit that becomes the application's branch. */
  readonly ref: string | undefined;
  /** How it may be shown: without a password. */
  readonly shown: string;
  readonly overSsh: boolean;
}

const SCP = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!\/\/)[^\s#\\:]+$/;
const REF = /^(?!-)[\w/\-.^~]{1,250}$/;

function refused(why: string): OoError {
  return new OoError(`CLIENT_ERROR: The provided source code repository URL ${why}`, {
    code: 'ERR_BAD_SOURCE_URL',
    exitCode: 130,
  });
}

export function parseSourceUrl(text: string): SourceUrl {
  const [url = '', ref, ...more] = text.split('#');
  const shown = url.replace(/^([a-z]+:\/\/[^/@:]*):[^/@]*@/i, '$1:***@');
  if (more.length > 0 || url.length > 2048 || url.startsWith('-') || /[\x00-\x20\x7f]/.test(text)) {
    throw refused(`is not valid (${JSON.stringify(shown.slice(0, 80))})`);
  }
  if (ref !== undefined && !REF.test(ref)) throw refused(`is not valid (${shown}: bad reference after #)`);
  if (SCP.test(url) && !url.includes('://')) return { url, ref, shown, overSsh: true };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) throw refused(`is not valid (${shown})`);
  if (!(allowedProtocols as readonly string[]).includes(scheme)) {
    throw refused(`protocol must be one of: ${allowedProtocols.join(', ')}`);
  }
  const host = /:\/\/[^/]/.test(url) && URL.canParse(url) ? new URL(url).hostname : '';
  if (host === '' || host.startsWith('-')) throw refused(`is not valid (${shown})`);
  return { url, ref, shown, overSsh: scheme === 'ssh' };
}

/** The error of a clone that did not work, with what git said kept as the cause. */
export function cloneFailed(source: SourceUrl, cause: unknown): OoError {
  const hint = source.overSsh
    ? 'Please verify the repository is correct; a private repository over SSH needs its key here, try the HTTPS address instead.'
    : 'Please verify the repository is correct and contact support.';
  return new OoError(
    `CLIENT_ERROR: Source code repository could not be cloned: '${source.shown}'.  ${hint}`,
    { code: 'ERR_CLONE_FAILED', exitCode: 131, cause },
  );
}
