// What a disposable host needs to know of the machine it runs on: where the cgroup hierarchies are mounted, which
// disks are mounted beside the root, and a small network that nobody uses. Only reads; changes nothing.
import { readFileSync, readdirSync, readlinkSync, lstatSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';

const diskTypes = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'zfs', 'overlay']);

const unescape = (text) =>
  text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));

/** The mounts this process sees, oldest first. */
export function mounts() {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [left, right] = line.split(' - ');
      const [type, , superOptions] = right.split(' ');
      const fields = left.split(' ');
      return { root: unescape(fields[3]), target: unescape(fields[4]), type, superOptions };
    });
}

/** Every cgroup hierarchy: its mount point, its type, and the options to mount it again elsewhere. */
export function cgroupHierarchies() {
  const found = new Map();
  for (const { target, type, superOptions } of mounts()) {
    if (type === 'cgroup2') found.set(target, { target, type, options: 'rw' });
    if (type === 'cgroup') {
      const wanted = superOptions.split(',').filter((option) => !['rw', 'ro'].includes(option));
      const named = wanted.find((option) => option.startsWith('name='));
      const options = (named === undefined ? wanted : ['none', named])
        .filter((option) => !/^(xattr|clone_children|release_agent=.*)$/.test(option))
        .join(',');
      found.set(target, { target, type, options });
    }
  }
  return [...found.values()];
}

/** Links beside the hierarchies (`cpu -> cpu,cpuacct`), which programs expect. */
export function cgroupLinks(hierarchies) {
  const parents = new Set(
    hierarchies.filter(({ type }) => type === 'cgroup').map(({ target }) => dirname(target)),
  );
  return [...parents].flatMap((parent) =>
    readdirSync(parent)
      .map((name) => join(parent, name))
      .filter((path) => lstatSync(path).isSymbolicLink())
      .map((path) => ({ path, to: readlinkSync(path) })),
  );
}

/** Disks mounted beside the root (a separate /usr, /var, /home): each gets an overlay of its own. */
export function otherDisks() {
  const skipped = /^\/(proc|sys|dev|run|tmp|boot|mnt|media|snap)(\/|$)/;
  const targets = mounts()
    .filter(({ target, type }) => target !== '/' && diskTypes.has(type) && !skipped.test(target))
    .map(({ target }) => target)
    .filter((target) => lstatSync(target).isDirectory());
  return [...new Set(targets)].sort();
}

/** A /30 of 10.213.0.0/16 that neither the machine's routes nor its addresses touch. */
export function freeNetwork() {
  const routes =
    spawnSync('ip', ['-4', '-o', 'route', 'show', 'table', 'all'], { encoding: 'utf8' }).stdout ?? '';
  const taken = new Set(routes.match(/\b10\.213\.\d+\.\d+/g) ?? []);
  const first = Math.floor(Math.random() * 16384);
  for (let n = 0; n < 16384; n++) {
    const base = (((first + n) % 16384) * 4) >>> 0;
    const address = (host) => `10.213.${base >> 8}.${(base & 255) + host}`;
    if ([0, 1, 2, 3].every((host) => !taken.has(address(host))))
      return { machine: address(1), host: address(2) };
  }
  throw new Error('No free network is left in 10.213.0.0/16.');
}

/** When a process started, in ticks since boot: with its id it names one process for good. */
export function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
