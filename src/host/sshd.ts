/**
 * What the SSH server needs for gears: a drop-in for its configuration, and how it is tested, started and told to read
 * it again with or without systemd. Invariant: accounts that are no gears keep the distribution's settings; what a
 * gear may not do (forwarding, agent, X11, its own rc file) is refused by `restrict` in its authorized_keys, a file of
 * root's, not here: gears share no group that a Match block could name.
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { effect } from '../native/effect.js';
import { errnoOf, OoError } from '../native/error.js';

export const DROP_IN = '/etc/ssh/sshd_config.d/oo-node.conf';
export const SSHD = '/usr/sbin/sshd';
export const SSHD_PID_FILE = '/run/sshd.pid';

/** Runs a program to its end; rejects when it cannot be run or ends badly. Set-up hands in its own. */
export type Run = (file: string, argv: readonly string[]) => Promise<unknown>;

export function sshdDropIn(): string {
  return `# Made by oo-admin-node-setup; its --remove takes it away.
# Sessions of gears are confined by pam_oo in the PAM stack; oo-login refuses one that came without it.
UsePAM yes
# A gear's own files say nothing about the environment that its login shell starts in.
PermitUserEnvironment no
`;
}

const INCLUDE = '# BEGIN oo-node\nInclude /etc/ssh/sshd_config.d/*.conf\n# END oo-node\n';

/** Does this sshd_config read the drop-ins? Only a line before the first Match block counts for every account. */
export function includesDropIns(text: string): boolean {
  const everybody = text.split(/^[ \t]*match[ \t=]/im)[0] ?? '';
  return /^[ \t]*include[ \t=]+"?(?:\/etc\/ssh\/)?sshd_config\.d\/\*(?:\.conf)?"?[ \t]*$/im.test(everybody);
}

/** An sshd_config that reads the drop-ins: as it is when it does, else with a marked block in front. */
export function insertInclude(text: string): string {
  return includesDropIns(text) ? text : INCLUDE + text;
}

/** The reverse of `insertInclude`, to the byte. */
export function removeInclude(text: string): string {
  return text.startsWith(INCLUDE) ? text.slice(INCLUDE.length) : text;
}

/** The pid of the listening sshd that wrote the pid file, or undefined when there is none. */
export function sshdPid(pidFile: string = SSHD_PID_FILE): number | undefined {
  let pid: number;
  try {
    pid = Number(readFileSync(pidFile, 'utf8').trim());
  } catch {
    return undefined;
  }
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  try {
    // The file outlives its process: another program may have the number by now. After an upgrade the path is `(deleted)`.
    return path.basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('sshd') ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Refuses a configuration that sshd would not start with; call it before `reloadSshd`, which would lose the port. */
export async function testSshd(run: Run): Promise<void> {
  privilegeSeparationDirectory();
  try {
    await run(SSHD, ['-t']);
  } catch (cause) {
    throw new OoError(
      'sshd refuses its configuration (sshd -t says why). It was not told to read it again.',
      {
        code: 'ERR_SSHD_CONFIG',
        cause,
      },
    );
  }
}

/** Reads the configuration again, where an sshd runs; sessions go on. True when one was told. */
export function reloadSshd(pidFile: string = SSHD_PID_FILE): boolean {
  const pid = sshdPid(pidFile);
  if (pid === undefined) return false;
  effect('sshd.reload', String(pid));
  try {
    process.kill(pid, 'SIGHUP');
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Starts an sshd where none runs and no systemd would: host keys, its empty directory, the daemon itself. */
export async function startSshd(run: Run, options: readonly string[] = []): Promise<void> {
  if (sshdPid() !== undefined) return;
  privilegeSeparationDirectory();
  effect('sshd.start', SSHD);
  await run('/usr/bin/ssh-keygen', ['-A']);
  await run(SSHD, options);
}

/** A package makes it at boot through systemd only. */
function privilegeSeparationDirectory(): void {
  if (existsSync('/run/sshd') || !existsSync('/etc/debian_version')) return;
  effect('sshd.directory', '/run/sshd');
  mkdirSync('/run/sshd', { mode: 0o755 });
}
