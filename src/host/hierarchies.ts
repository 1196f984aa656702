/**
 * Where this host's cgroup hierarchies are mounted: the version 2 tree (for killing and freezing, and for
 * limits where it has the controllers) and the version 1 controllers that can limit or freeze. Invariant:
 * only what the kernel reports in mountinfo is believed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const limitControllers = ['cpu', 'memory', 'pids'] as const;
export type LimitController = (typeof limitControllers)[number];
type V1Controller = LimitController | 'freezer' | 'cpuacct';

export interface Hierarchies {
  /** Mount point of the version 2 tree. */
  readonly v2: string | undefined;
  /** Controllers the version 2 tree offers at its root. */
  readonly v2Controllers: readonly string[];
  /** Mount points of version 1 controllers. */
  readonly v1: Readonly<Partial<Record<V1Controller, string>>>;
}

/** mountinfo writes blanks and the like as `\040`. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

export function discover(mountinfo: string = readOr('/proc/self/mountinfo', '')): Hierarchies {
  let v2: string | undefined;
  const v1: Partial<Record<V1Controller, string>> = {};
  for (const line of mountinfo.split('\n')) {
    const [mount = '', device = ''] = line.split(' - ', 2);
    const point = unescaped(mount.split(' ')[4] ?? '');
    const [type, , options = ''] = device.split(' ');
    if (type === 'cgroup2') v2 ??= point;
    if (type !== 'cgroup') continue;
    const names = options.split(',');
    for (const name of ['cpu', 'cpuacct', 'memory', 'pids', 'freezer'] as const) {
      if (names.includes(name)) v1[name] ??= point;
    }
  }
  const v2Controllers =
    v2 === undefined
      ? []
      : readOr(join(v2, 'cgroup.controllers'), '')
          .split(/\s+/)
          .filter((word) => word !== '');
  return { v2, v2Controllers, v1 };
}

/**
 * Directories of a group in every version 1 hierarchy that limits, or freezes where there is no version 2
 * tree.
 */
export function v1Directories(h: Hierarchies, path: string): readonly string[] {
  const mounts = new Set<string>();
  for (const name of limitControllers) if (h.v1[name] !== undefined) mounts.add(h.v1[name]);
  if (h.v1.cpuacct !== undefined) mounts.add(h.v1.cpuacct);
  if (h.v2 === undefined && h.v1.freezer !== undefined) mounts.add(h.v1.freezer);
  return [...mounts].map((mount) => join(mount, path));
}

export function v2Directory(h: Hierarchies, path: string): string | undefined {
  return h.v2 === undefined ? undefined : join(h.v2, path);
}
