/**
 * Running processes as the kernel shows them to root in /proc: who they are, what they may do, where they sit.
 * Invariants: everything is read from outside the process, so that nothing it says of itself is believed; a process
 * that ends while it is read is left out, and so is a zombie, which can do nothing any more.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

export interface ProcessView {
  readonly pid: number;
  readonly parent: number;
  /** Its command line, cut to one line. Written by the process itself: to be shown, never to be believed. */
  readonly command: string;
  /** Base name of the program file; undefined for a kernel thread. */
  readonly program: string | undefined;
  /** Real, effective, saved, file system. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  readonly capabilities: Readonly<
    Record<'effective' | 'permitted' | 'bounding' | 'ambient' | 'inheritable', string>
  >;
  readonly noNewPrivileges: boolean;
  readonly seccomp: 'off' | 'strict' | 'filter';
  /** SELinux context; undefined where no security module keeps one. */
  readonly label: string | undefined;
  /** Controller (version 1) or `v2` to the group's path. */
  readonly cgroups: Readonly<Record<string, string>>;
  readonly mountNamespace: string;
  readonly oomScoreAdj: number;
}

const SECCOMP = ['off', 'strict', 'filter'] as const;
const LONGEST_COMMAND = 200;

function text(pid: number, name: string): string {
  return readFileSync(`/proc/${pid}/${name}`, 'latin1');
}

function optional<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function fieldsOf(status: string): (name: string) => string {
  const fields = new Map(
    status.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  );
  return (name) => fields.get(name) ?? '';
}

const numbers = (words: string): readonly number[] => words.split(/\s+/).filter(Boolean).map(Number);

function cgroupsOf(pid: number): Readonly<Record<string, string>> {
  const groups: Record<string, string> = {};
  for (const line of text(pid, 'cgroup').trim().split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    for (const name of controllers.split(',')) groups[name === '' ? 'v2' : name] = path.join(':');
  }
  return groups;
}

function commandOf(pid: number, name: string): string {
  const words = Buffer.from(text(pid, 'cmdline'), 'latin1').toString('utf8').replace(/\0+$/, '');
  // A process chooses its own words: no control character of it reaches a terminal.
  const line = words.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ').trim();
  return line === '' ? `[${name}]` : line.slice(0, LONGEST_COMMAND);
}

function view(pid: number, field: (name: string) => string): ProcessView {
  return {
    pid,
    parent: Number(field('PPid')),
    command: commandOf(pid, field('Name').replace(/[^!-~]/g, '?')),
    program: optional(() => basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, '')),
    uids: numbers(field('Uid')),
    gids: numbers(field('Gid')),
    groups: numbers(field('Groups')),
    capabilities: {
      effective: field('CapEff'),
      permitted: field('CapPrm'),
      bounding: field('CapBnd'),
      ambient: field('CapAmb'),
      inheritable: field('CapInh'),
    },
    noNewPrivileges: field('NoNewPrivs') === '1',
    seccomp: SECCOMP[Number(field('Seccomp'))] ?? 'off',
    label: optional(() => text(pid, 'attr/current').replace(/\0/g, '').trim()) || undefined,
    cgroups: cgroupsOf(pid),
    mountNamespace: readlinkSync(`/proc/${pid}/ns/mnt`),
    oomScoreAdj: Number(text(pid, 'oom_score_adj')),
  };
}

/** One process, or undefined when it has ended, or is not wanted by what its real, effective and saved uid are. */
export function viewProcess(
  pid: number,
  wantedUid: (uid: number) => boolean = () => true,
): ProcessView | undefined {
  return optional(() => {
    const field = fieldsOf(text(pid, 'status'));
    if (field('State').startsWith('Z') || !numbers(field('Uid')).some(wantedUid)) return undefined;
    return view(pid, field);
  });
}

/** Every process that has a wanted uid, in the order of their ids. */
export function findProcesses(wantedUid: (uid: number) => boolean): readonly ProcessView[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
    .flatMap((pid) => viewProcess(pid, wantedUid) ?? []);
}

/** The mount namespace of this process: that of the machine, for whoever looks at gears. */
export function ownMountNamespace(): string {
  return readlinkSync('/proc/self/ns/mnt');
}

/**
 * Is it a part of the SSH server that opens a session: its program, run by root or started by such a part? What runs
 * in the session is no part of it: that has another program.
 */
export function isSshServer({ pid }: Pick<ProcessView, 'pid'>): boolean {
  for (let at = pid; at > 1;) {
    const program = optional(() => basename(readlinkSync(`/proc/${at}/exe`)));
    const field = fieldsOf(optional(() => text(at, 'status')) ?? '');
    if (program?.startsWith('sshd') !== true) return false;
    const uids = numbers(field('Uid'));
    if (uids.length > 0 && uids.every((uid) => uid === 0)) return true;
    at = Number(field('PPid'));
  }
  return false;
}
