/**
 * All of a host that the node may change, as one text that can be compared: account files, the node's own folders and
 * the homes with modes, owners, links, content and extended attributes, cgroups with their limits and whether they hold
 * processes, the front door's map in memory and on disk, the processes of gears, packet rules. Invariant: two dumps with nothing done
 * between them are equal; times, process ids, logs and a database's own files are left out for that.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packetRules } from './dump-rules.js';

const GEAR_BASE = '/var/lib/openshift';
const ADMIN_SOCKET = '/run/openshift/haproxy.sock';
const MAP = `${GEAR_BASE}/.routes/gears.map`;
const LIMITS = [
  'cpu.shares',
  'cpu.cfs_quota_us',
  'cpu.max',
  'cpu.weight',
  'memory.limit_in_bytes',
  'memory.max',
  'pids.max',
];
/** Files whose content changes while nothing is asked of the node. */
const LIVELY = /\/app-root\/logs\/|\/mysql[^/]*\/(data|run|pid|socket)\/|\/run\/|\.pid$|\.sock$/;

export async function dumpHost(): Promise<string> {
  const parts = [
    ['passwd', 'group', 'shadow', 'gshadow'].flatMap((name) => tree(`/etc/${name}`)),
    tree('/etc/openshift'),
    tree(GEAR_BASE),
    await attributes(),
    cgroups(),
    await frontDoor(),
    await processes(),
    await packetRules(),
  ];
  return `${parts.flat().join('\n')}\n`;
}

/** The lines in which two dumps differ: `- ` only before, `+ ` only after. */
export function differences(before: string, after: string): readonly string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  const [inOld, inNow] = [new Set(old), new Set(now)];
  return [
    ...old.filter((line) => !inNow.has(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !inOld.has(line)).map((line) => `+ ${line}`),
  ];
}

function tree(path: string): string[] {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return [];
  const head = `${path} ${info.mode.toString(8)} ${info.uid}:${info.gid}`;
  if (info.isSymbolicLink()) return [`${head} -> ${readlinkSync(path)}`];
  if (info.isFile()) return [LIVELY.test(path) ? head : `${head} ${contentOf(path, info.size)}`];
  if (!info.isDirectory()) return [head];
  return [
    head,
    ...readdirSync(path)
      .sort()
      .flatMap((name) => tree(join(path, name))),
  ];
}

function contentOf(path: string, size: number): string {
  try {
    const bytes = readFileSync(path);
    return size < 200
      ? JSON.stringify(bytes.toString('latin1'))
      : createHash('sha256').update(bytes).digest('hex');
  } catch {
    return 'gone';
  }
}

/** Extended attributes below the homes, where the machine has a program that shows them. */
async function attributes(): Promise<string[]> {
  if (!existsSync('/usr/bin/getfattr') || !existsSync(GEAR_BASE)) return [];
  const argv = ['-R', '-h', '-d', '-m', '-', '--absolute-names', GEAR_BASE];
  const { stdout } = await promisify(execFile)('/usr/bin/getfattr', argv, { maxBuffer: 64 << 20 });
  return stdout.split('\n').filter((line) => line !== '');
}

function cgroups(): string[] {
  const found: string[] = [];
  const roots = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)];
  const walk = (path: string): void => {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const values = LIMITS.filter((name) => existsSync(join(path, name))).map(
      (name) => `${name}=${readFileSync(join(path, name), 'utf8').trim()}`,
    );
    const busy = readFileSync(join(path, 'cgroup.procs'), 'utf8').trim() === '' ? 'empty' : 'busy';
    // Launches number their groups, keep an empty one warm for the next hook, and sweep the empty ones of services.
    const warm = busy === 'empty' && /\/(hook|svc)-[\d.]+$/.test(path);
    if (!warm)
      found.push(`cgroup ${path.replace(/\/(svc|hook)-[\d.]+$/, '/$1-N')} ${busy} ${values.join(' ')}`);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) walk(join(path, entry.name));
    }
  };
  for (const root of roots) walk(join(root, 'openshift'));
  return [...new Set(found)].sort();
}

/** The map as HAProxy has it, without the addresses of its entries. */
async function frontDoor(): Promise<string[]> {
  if (!existsSync(ADMIN_SOCKET)) return [];
  const text = await new Promise<string>((resolve) => {
    let answer = '';
    const socket = connect(ADMIN_SOCKET, () => socket.write(`show map ${MAP}\n`));
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.on('error', () => resolve('not running'));
    socket.on('close', () => resolve(answer));
  });
  return text
    .split('\n')
    .map((line) => `route ${line.replace(/^0x[0-9a-f]+ /, '').trim()}`)
    .filter((line) => line !== 'route ')
    .sort();
}

/** Processes of gears' uids, once each by what they run; a server's helpers come and go. */
async function processes(): Promise<string[]> {
  await new Promise((resolve) => setImmediate(resolve));
  const found = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const uid = Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
      if (uid < 500 || uid >= 65_534) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (command !== '') found.add(`process ${uid} ${command}`);
    } catch {
      // It has ended meanwhile.
    }
  }
  return [...found].sort();
}
