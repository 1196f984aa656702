/**
 * Everything of a host that an operation on a gear may change, as text that can be compared: account files, homes with
 * owners and modes and content, confinement files, journal, cgroups with their limits, routes.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { discover } from '../../src/host/cgroup.js';

const limits = [
  'cpu.shares',
  'cpu.cfs_quota_us',
  'memory.limit_in_bytes',
  'pids.max',
  'cpu.max',
  'memory.max',
];

function tree(path: string, depth = 0): string[] {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return [`${path} absent`];
  const head = `${path} ${info.mode.toString(8)} ${info.uid}:${info.gid}`;
  if (info.isSymbolicLink()) return [`${head} -> ${readlinkSync(path)}`];
  if (info.isFile()) return [`${head} ${JSON.stringify(readFileSync(path, 'utf8'))}`];
  if (!info.isDirectory() || depth > 12) return [head];
  const below = readdirSync(path).sort();
  return [head, ...below.flatMap((name) => tree(join(path, name), depth + 1))];
}

function groups(path: string): string[] {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return [];
  const values = limits.flatMap((name) => {
    try {
      return [`${name}=${readFileSync(join(path, name), 'utf8').trim()}`];
    } catch {
      return [];
    }
  });
  const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [`${path} ${values.join(' ')}`, ...below.flatMap((entry) => groups(join(path, entry.name)))];
}

export function dumpHost(): string {
  const { v1, v2 } = discover();
  const mounts = [...Object.values(v1), ...(v2 === undefined ? [] : [v2])];
  return [
    ...['passwd', 'group', 'shadow', 'gshadow'].flatMap((name) => tree(`/etc/${name}`)),
    ...tree('/var/lib/openshift'),
    ...mounts.flatMap((mount) =>
      groups(join(mount, 'openshift')).filter((line) => !/\/openshift ?$/.test(line.split(' ')[0] ?? '')),
    ),
  ].join('\n');
}
