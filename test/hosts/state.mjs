// What a disposable host has on the machine: a state directory (who runs it, what the shell scripts need) and its cgroups.
// Made here before anything starts, removed by cleanup.sh; `sweep` removes those whose runner is dead.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cgroupHierarchies, cgroupLinks, freeNetwork, otherDisks, startTime } from './machine.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const repository = dirname(dirname(here));
export const stateRoot = process.env.OO_HOSTS_STATE ?? '/run/oo-node-hosts';
export const diskRoot = '/var/lib/oo-node-hosts';
export const script = (name) => join(here, name);
const quote = (text) => `'${String(text).replaceAll("'", `'\\''`)}'`;
const list = (values) => `(${values.map(quote).join(' ')})`;

/** Removes the hosts whose runner is dead. A directory without an owner is left alone while it is young. */
export function sweep() {
  let swept = 0;
  for (const id of existsSync(stateRoot) ? readdirSync(stateRoot) : []) {
    try {
      const owner = join(stateRoot, id, 'owner');
      if (existsSync(owner)) {
        const [pid, started] = readFileSync(owner, 'utf8').trim().split(' ');
        if (startTime(pid) === started) continue;
      } else if (Date.now() - statSync(join(stateRoot, id)).mtimeMs < 10_000) continue;
      spawnSync('bash', [script('cleanup.sh'), id], { stdio: 'inherit' });
      swept++;
    } catch {
      // It went while we looked: its own runner or watchdog removed it.
    }
  }
  return swept;
}

/** Makes the host's state directory with everything the shell scripts need, and its cgroups. */
export function prepare(options) {
  const id = randomBytes(4).toString('hex');
  const state = join(stateRoot, id);
  const hierarchies = cgroupHierarchies();
  const links = cgroupLinks(hierarchies);
  const parents = [
    ...new Set(hierarchies.filter(({ type }) => type === 'cgroup').map((h) => dirname(h.target))),
  ];
  const groups = hierarchies.map(({ target }) => join(target, `oo-host-${id}`));
  const network = options.link ? freeNetwork() : undefined;
  const image =
    options.disk === undefined ? '' : join(diskRoot, options.disk === '' ? `once-${id}` : options.disk);
  const hostname = options.hostname ?? `host-${id}`;
  const scratch = join(repository, '.tap');
  mkdirSync(scratch, { recursive: true });
  const shared = join(dirname(repository), 'shared');
  const config = [
    `HOST_NAME=${quote(hostname)}`,
    `ADDRESSES=${list(options.addresses)}`,
    `IMAGE=${quote(image)} KEEP_IMAGE=${quote(options.disk ? 'yes' : '')}`,
    `VETH=${quote(network ? `oo${id}` : '')} LINK_ADDRESS=${quote(network?.host ?? '')}`,
    `LINK_MACHINE=${quote(network?.machine ?? '')}`,
    `CABLE_NAME=${quote(options.cable?.name ?? '')}`,
    `CABLE_ADDRESS=${quote(options.cable?.address ?? '')}`,
    `CGROUP_DIRS=${list(groups)}`,
    `CGROUP_PARENTS=${list(parents)}`,
    `CGROUP_MOUNTS=${list(hierarchies.map((h) => `${h.type}|${h.options}|${h.target}`))}`,
    `CGROUP_LINKS=${list(links.map((link) => `${link.path}|${link.to}`))}`,
    `DISKS=${list(otherDisks())}`,
    `READ_ONLY=${list([repository, ...(existsSync(shared) ? [shared] : [])])}`,
    `SCRATCH=${list([scratch])}`,
    `WORKING_DIRECTORY=${quote(process.cwd())}`,
  ];
  const making = join(stateRoot, `.${id}`);
  // Others may pass through: a demo's key lies below for whoever called sudo.
  makeDirectory(making);
  writeFileSync(join(making, 'owner'), `${process.pid} ${startTime('self')}\n`);
  writeFileSync(join(making, 'config'), `${config.join('\n')}\n`);
  renameSync(making, state);
  for (const { target, type } of hierarchies) makeGroup(target, join(target, `oo-host-${id}`), type);
  return { id, state, network, hostname };
}

/** Another host that ends may just now remove the folder above, which it found empty. */
function makeDirectory(path) {
  for (let tries = 0; ; tries++) {
    try {
      mkdirSync(path, { recursive: true, mode: 0o711 });
      return;
    } catch (error) {
      if (error.code !== 'ENOENT' || tries > 100) throw error;
    }
  }
}

function makeGroup(parent, group, type) {
  if (type === 'cgroup2') {
    // A machine without systemd may not have opened its controllers to children; the ones that refuse stay closed.
    for (const controller of readFileSync(join(parent, 'cgroup.controllers'), 'utf8')
      .split(/\s+/)
      .filter(Boolean)) {
      try {
        writeFileSync(join(parent, 'cgroup.subtree_control'), `+${controller}`);
      } catch {
        continue;
      }
    }
  }
  mkdirSync(group);
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (type === 'cgroup' && existsSync(join(group, file))) {
      writeFileSync(join(group, file), readFileSync(join(parent, file), 'utf8').trim());
    }
  }
}
