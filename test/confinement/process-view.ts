/**
 * A running process as the kernel shows it to root in /proc. Invariant: everything is read from outside the process,
 * so that nothing it says of itself is believed.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

export interface ProcessView {
  readonly pid: number;
  readonly command: string;
  readonly uids: string;
  readonly gids: string;
  readonly groups: string;
  readonly capabilities: Readonly<
    Record<'effective' | 'permitted' | 'bounding' | 'ambient' | 'inheritable', string>
  >;
  readonly noNewPrivileges: string;
  readonly seccomp: string;
  /** Descriptor number to what it is (`pipe`, `socket`, `/dev/null`, ...). */
  readonly descriptors: Readonly<Record<string, string>>;
  /** Controller (or `v2`) to group. */
  readonly cgroups: Readonly<Record<string, string>>;
  readonly label: string | undefined;
  /** Device and inode of the process's own /tmp, /var/tmp and /dev/shm. */
  readonly temporary: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

function text(pid: number, name: string): string {
  return readFileSync(`/proc/${pid}/${name}`, 'utf8');
}

function field(status: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1]?.trim().replace(/\s+/g, ' ') ?? 'absent';
}

function labelOf(pid: number): string | undefined {
  try {
    return text(pid, 'attr/current').replace(/\0/g, '').trim() || undefined;
  } catch {
    return undefined; // no security module keeps labels here
  }
}

export function inode(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}

export function viewProcess(pid: number): ProcessView {
  const status = text(pid, 'status');
  const groups = text(pid, 'cgroup')
    .trim()
    .split('\n')
    .map((line) => line.split(':'));
  const environment = text(pid, 'environ')
    .split('\0')
    .filter((entry) => entry.includes('='));
  return {
    pid,
    command: text(pid, 'cmdline').replaceAll('\0', ' ').trim(),
    uids: field(status, 'Uid'),
    gids: field(status, 'Gid'),
    groups: field(status, 'Groups'),
    capabilities: {
      effective: field(status, 'CapEff'),
      permitted: field(status, 'CapPrm'),
      bounding: field(status, 'CapBnd'),
      ambient: field(status, 'CapAmb'),
      inheritable: field(status, 'CapInh'),
    },
    noNewPrivileges: field(status, 'NoNewPrivs'),
    seccomp: field(status, 'Seccomp'),
    descriptors: Object.fromEntries(
      readdirSync(`/proc/${pid}/fd`).map((number) => [
        number,
        readlinkSync(`/proc/${pid}/fd/${number}`).replace(/:?\[.*\]$/, ''),
      ]),
    ),
    cgroups: Object.fromEntries(groups.map(([, name = '', path = '']) => [name === '' ? 'v2' : name, path])),
    label: labelOf(pid),
    temporary: ['/tmp', '/var/tmp', '/dev/shm'].map((path) => inode(`/proc/${pid}/root${path}`)),
    environment: Object.fromEntries(
      environment.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    ),
  };
}

/** All processes of a uid, real or effective. */
export function processesOf(uid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return field(text(pid, 'status'), 'Uid').split(' ').includes(String(uid));
      } catch {
        return false; // it has ended meanwhile
      }
    });
}

/** Waits until a process of the uid runs a command that matches, at most ten seconds. */
export async function awaitProcess(uid: number, command: RegExp): Promise<number> {
  for (let waited = 0; waited < 10_000; waited += 20) {
    for (const pid of processesOf(uid)) {
      try {
        if (command.test(text(pid, 'cmdline').replaceAll('\0', ' ').trim())) return pid;
      } catch {
        continue;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no process of uid ${uid} runs ${String(command)} after ten seconds`);
}
