// What tests could leave on the machine: accounts, files of /etc, cgroups, mounts, rules, links, cables, processes, disks.
// `traces` looks at all of it and `differences` compares two looks. Hosts that are alive belong to somebody who runs
// them at the same time and are not counted.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupHierarchies, mounts, startTime } from './machine.mjs';
import { diskRoot, stateRoot } from './state.mjs';

const attempt = (work, otherwise) => {
  try {
    return work();
  } catch {
    return otherwise;
  }
};

function files(directory) {
  const found = {};
  for (const name of attempt(() => readdirSync(directory, { recursive: true }), [])) {
    const path = join(directory, name);
    const stat = attempt(() => lstatSync(path));
    if (stat === undefined) continue;
    const content = stat.isSymbolicLink()
      ? readlinkSync(path)
      : stat.isFile()
        ? createHash('sha256').update(readFileSync(path)).digest('hex')
        : '';
    found[path] = `${(stat.mode & 0o177777).toString(8)} ${stat.uid}:${stat.gid} ${content}`;
  }
  return found;
}

/** The ids of hosts whose runner lives, also those whose state directory is in another mount namespace. */
function living() {
  const alive = (id) => {
    const [pid, started] = readFileSync(join(stateRoot, id, 'owner'), 'utf8')
      .trim()
      .split(' ');
    return startTime(pid) === started;
  };
  const here = attempt(() => readdirSync(stateRoot), []).filter((id) => attempt(() => alive(id), false));
  const elsewhere = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => attempt(() => idOfChildOfRunner(pid)))
    .filter(Boolean);
  return new Set([...here, ...elsewhere, ...otherNamespaces()]);
}

/** Groups with processes that this process namespace cannot name: somebody else's machine inside or around this one. */
function otherNamespaces() {
  return cgroupHierarchies().flatMap(({ target }) =>
    readdirSync(target)
      .filter((name) => name.startsWith('oo-host-'))
      .filter((name) =>
        ['', 'init'].some((leaf) =>
          /^0$/m.test(attempt(() => readFileSync(join(target, name, leaf, 'cgroup.procs'), 'utf8'), '')),
        ),
      )
      .map((name) => name.slice('oo-host-'.length)),
  );
}

function idOfChildOfRunner(pid) {
  const id = /init\.sh\0\S*oo-node-hosts\/([0-9a-f]{8})\0/.exec(
    readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
  )?.[1];
  if (id === undefined) return undefined;
  const parent = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
  return readFileSync(`/proc/${parent}/comm`, 'utf8') === 'node\n' ? id : undefined;
}

function processesOfHosts(isForeign) {
  const found = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const id = /oo-host-([0-9a-f]{8})/.exec(
      attempt(() => readFileSync(`/proc/${pid}/cgroup`, 'utf8'), ''),
    )?.[1];
    if (id && !isForeign(id)) {
      const command = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '').replaceAll('\0', ' ');
      found.push(`${pid} of ${id}: ${command}`);
    }
  }
  return found;
}

/** Cables of hosts: bridges in network namespaces that some process, but none of a living host, is in or holds open. */
function cables(isForeign) {
  const paths = new Map();
  const own = readlinkSync('/proc/self/ns/net');
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const group = attempt(() => readFileSync(`/proc/${pid}/cgroup`, 'utf8'), '');
    if (isForeign(/oo-host-([0-9a-f]{8})/.exec(group)?.[1] ?? '')) continue;
    const held = attempt(() => readdirSync(`/proc/${pid}/fd`), []).map((fd) => `/proc/${pid}/fd/${fd}`);
    for (const path of [`/proc/${pid}/ns/net`, ...held]) {
      const namespace = attempt(() => readlinkSync(path), '');
      if (namespace.startsWith('net:') && namespace !== own) paths.set(namespace, path);
    }
  }
  return [...paths.values()].flatMap((path) =>
    output('nsenter', [`--net=${path}`, 'ip', '-o', 'link', 'show', 'type', 'bridge'])
      .map((line) => /: oocable: .*\balias (\S+)/.exec(line)?.[1])
      .filter(Boolean),
  );
}

function output(file, argv) {
  const { stdout, status } = spawnSync(file, argv, { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n').filter((line) => line !== '' && !/^(#|:)/.test(line)) : [];
}

export function traces() {
  const before = living();
  // A host that started while we looked is as little a trace as one that was there all the time.
  return withoutForeign(look(before), new Set([...before, ...living()]));
}

function look(hosts) {
  const isForeign = (id) => hosts.has(id);
  const foreign = (text) => /(?:oo|oo-host-|once-|oo-node-hosts\/)([0-9a-f]{8})/.exec(text)?.[1];
  const mine = (text) => !isForeign(foreign(text) ?? '');
  return {
    account: readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .filter((line) => line.split(':')[4] === 'OpenShift guest'),
    'file of /etc': files('/etc'),
    cgroup: cgroupHierarchies()
      .flatMap(({ target }) => readdirSync(target).map((name) => join(target, name)))
      .filter((path) => /\/(oo-host-|openshift)/.test(path) && mine(path)),
    mount: mounts()
      .map(({ target, type }) => `${type} ${target}`)
      .filter((line) => !/oo-host/.test(line) && mine(line)),
    rule: [...output('iptables-save', []), ...output('ip6tables-save', [])],
    link: readdirSync('/sys/class/net').filter(mine),
    cable: cables(isForeign),
    process: processesOfHosts(isForeign),
    host: attempt(() => readdirSync(stateRoot), []).filter((id) => !isForeign(id.replace(/^\./, ''))),
    disk: attempt(() => readdirSync(diskRoot), []).filter(mine),
    directory: [
      '/etc/openshift',
      '/var/lib/openshift',
      '/usr/libexec/openshift',
      '/var/log/openshift',
    ].filter((path) => existsSync(path)),
  };
}

function withoutForeign(found, hosts) {
  const isMine = (text) => ![...hosts].some((id) => text.includes(id));
  return Object.fromEntries(
    Object.entries(found).map(([kind, items]) => [kind, Array.isArray(items) ? items.filter(isMine) : items]),
  );
}

/** What may go while we look, because somebody else's host has just ended; only its coming is a trace. */
const transient = new Set(['cgroup', 'process', 'host', 'link', 'cable', 'disk', 'mount']);

/** One sentence for each trace that came, went or changed. */
export function differences(before, after) {
  const found = [];
  for (const [kind, was] of Object.entries(before)) {
    const is = after[kind];
    if (!Array.isArray(was)) {
      for (const path of new Set([...Object.keys(was), ...Object.keys(is)])) {
        if (was[path] === undefined) found.push(`${kind} came: ${path}`);
        else if (is[path] === undefined) found.push(`${kind} went: ${path}`);
        else if (was[path] !== is[path]) found.push(`${kind} changed: ${path}`);
      }
      continue;
    }
    for (const item of is.filter((one) => !was.includes(one))) found.push(`${kind} came: ${item}`);
    if (transient.has(kind)) continue;
    for (const item of was.filter((one) => !is.includes(one))) found.push(`${kind} went: ${item}`);
  }
  return found;
}
