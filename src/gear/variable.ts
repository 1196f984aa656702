/**
 * One environment variable and its file: names, sizes, both forms of content. Invariant: a name that passes
 * `parseVariableName` is a safe file name; a value that passes `parseVariableValue` reaches a process
 * unchanged.
 */
import { OoError } from '../native/error.js';
import type { Directory } from '../native/beneath.js';
import { variableValue } from '../node/global-environment.js';

export const MAX_NAME = 128;
/** Bytes of one value; the kernel takes at most 128 KiB for one string of an environment. */
export const MAX_VALUE = 32_768;

const name = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What the platform itself writes once and nobody may change: who the gear is and where it lives. */
const platformNames = new Set([
  'OPENSHIFT_APP_DNS',
  'OPENSHIFT_APP_NAME',
  'OPENSHIFT_APP_UUID',
  'OPENSHIFT_GEAR_DNS',
  'OPENSHIFT_GEAR_NAME',
  'OPENSHIFT_GEAR_UUID',
  'OPENSHIFT_HOMEDIR',
  'OPENSHIFT_DATA_DIR',
  'OPENSHIFT_REPO_DIR',
  'OPENSHIFT_TMP_DIR',
  'OPENSHIFT_LOG_DIR',
  'OPENSHIFT_NAMESPACE',
  'OPENSHIFT_PRIMARY_CARTRIDGE_DIR',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'HOSTNAME',
  'IFS',
  'PATH',
]);

/**
 * Names a user's variable may not have, because a program would read them before the tenant's own code runs.
 */
const reservedForUsers = new Set([
  'PATH',
  'IFS',
  'USER',
  'LOGNAME',
  'SHELL',
  'HOME',
  'HOSTNAME',
  'ENV',
  'BASH_ENV',
  'SHELLOPTS',
  'BASHOPTS',
  'BASH_XTRACEFD',
  'PS4',
  'PROMPT_COMMAND',
  'GCONV_PATH',
  'GLIBC_TUNABLES',
  'MALLOC_TRACE',
  'LOCPATH',
  'NLSPATH',
  'OPENSHIFT_PRIMARY_CARTRIDGE_DIR',
  'OPENSHIFT_NAMESPACE',
  'SSH_ORIGINAL_COMMAND',
]);

function refused(message: string): OoError {
  return new OoError(`${message}. Nothing was changed.`, { code: 'ERR_BAD_VARIABLE', exitCode: 255 });
}

export function isVariableName(text: string): boolean {
  return text.length <= MAX_NAME && name.test(text);
}

export function parseVariableName(text: string): string {
  if (isVariableName(text)) return text;
  const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
  throw refused(
    `The name of a variable is a letter or _ and then letters, digits and _, at most ${MAX_NAME}, not ${shown}`,
  );
}

export function parseVariableValue(text: string): string {
  if (text.includes('\0')) throw refused('The value of a variable cannot hold a NUL byte');
  if (Buffer.byteLength(text) > MAX_VALUE)
    throw refused(`The value of a variable is at most ${MAX_VALUE} bytes`);
  return text;
}

/** Refuses names that belong to the platform. */
export function requireUnprotected(text: string): void {
  if (platformNames.has(text) || /^OPENSHIFT_.*_IDENT$/.test(text)) {
    throw refused(`${text} belongs to the platform and cannot be set or removed`);
  }
}

/** Read by shells, the loader and interpreters before a script's first line. */
const steering =
  /^(BASH_ENV|BASHOPTS|BASH_XTRACEFD|BASH_COMPAT|BASH_LOADABLES_PATH|BASH_FUNC_.*|CDPATH|ENV|GLOBIGNORE|IFS|PATH|SHELLOPTS|PS4|PROMPT_COMMAND|POSIXLY_CORRECT|TMOUT|GCONV_PATH|GLIBC_TUNABLES|LOCPATH|NLSPATH|MALLOC_TRACE|LD_.*|OPENSSL_.*|SSH_.*|RSYNC_.*|TAR_OPTIONS|AWK(LIB)?PATH|PHPRC|PHP_INI_.*|LIBMYSQL_.*|_?JAVA_.*|JDK_.*|KRB5_.*|GSS_.*|CURL_.*|XDG_.*|LUA_.*|PYTHON.*|PERL.*|RUBY.*|NODE_.*|npm_config_.*|GIT_.*|MYSQL_.*|MARIADB_.*|OO_BASH_SDK)$/;

/** Whether a variable of this name decides what programs load or do before they begin. */
function steersPrograms(text: string): boolean {
  return steering.test(text);
}

/** What the node puts together or says itself, whatever cartridges a gear has. */
const ofTheNode =
  /^OPENSHIFT_(GEAR|APP|PRIMARY|CARTRIDGE|BROKER|CLOUD|NODE|PUBLIC|DEPLOYMENT|DEPLOYMENTS|BUILD|DEPENDENCIES|SECRET)_|^OPENSHIFT_UMASK$|_(IDENT|PATH_ELEMENT)$/;

/** A name under which another gear's cartridge may publish something to this gear. */
export function parsePublishedName(text: string): string {
  const published = parseVariableName(text);
  requireUnprotected(published);
  if (steersPrograms(published) || reservedForUsers.has(published) || ofTheNode.test(published)) {
    throw refused(`${published} is said by the node alone, or steers programs, and cannot be published`);
  }
  return published;
}

export function mayUserSet(text: string): boolean {
  if (text.startsWith('LD_') || text.startsWith('BASH_FUNC_')) return false;
  return !reservedForUsers.has(text) && !/^OPENSHIFT_.*_IDENT$/.test(text);
}

/** The value in a file of an opened directory; undefined when it is absent or not a plain file. */
export function readVariable(directory: Directory, variable: string): string | undefined {
  const content = directory.tryReadText(variable, MAX_VALUE * 2);
  return content === undefined ? undefined : variableValue(variable, content);
}
