// A gear as far as the launcher knows one: an account number, a home, three private temporary directories and groups
// in every hierarchy of the (disposable) host. No accounts, no configuration.
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import type { Confinement, LaunchOptions } from '../../src/native/launch.js';

export interface Tenant {
  readonly home: string;
  readonly confinement: Confinement;
  /** Groups of launches (`hook-`, `svc-`) that are there now. */
  groups(): string[];
}

export const v2Root = existsSync('/sys/fs/cgroup/cgroup.controllers')
  ? '/sys/fs/cgroup'
  : '/sys/fs/cgroup/unified';
export const v1Controllers = ['cpu', 'memory', 'pids'].filter((name) =>
  existsSync(`/sys/fs/cgroup/${name}/tasks`),
);

export function makeTenant(number: number): Tenant {
  const uid = 21000 + number;
  const home = `/var/lib/openshift/tenant${number}`;
  mkdirSync('/var/lib/openshift', { recursive: true });
  chmodSync('/var/lib/openshift', 0o711);
  mkdirSync(`${home}/.tmp`, { recursive: true, mode: 0o700 });
  for (const name of ['tmp', 'var-tmp', 'shm']) {
    mkdirSync(`${home}/.tmp/${name}`, { recursive: true });
    chmodSync(`${home}/.tmp/${name}`, 0o1700);
    chownSync(`${home}/.tmp/${name}`, uid, uid);
  }
  chownSync(home, 0, uid);
  chmodSync(home, 0o750);
  chmodSync(`${home}/.tmp`, 0o700);
  mkdirSync(`${home}/data`, { recursive: true });
  chownSync(`${home}/data`, uid, uid);
  const v2 = `${v2Root}/openshift/tenant${number}`;
  const v1 = v1Controllers.map((name) => `/sys/fs/cgroup/${name}/openshift/tenant${number}`);
  for (const group of [v2, ...v1]) mkdirSync(group, { recursive: true });
  const confinement: Confinement = {
    uid,
    gid: uid,
    cgroup: { v2, v1 },
    mounts: [
      { source: `${home}/.tmp/tmp`, target: '/tmp' },
      { source: `${home}/.tmp/var-tmp`, target: '/var/tmp' },
      { source: `${home}/.tmp/shm`, target: '/dev/shm' },
    ],
    rlimits: {
      core: { soft: 0, hard: 0 },
      nofile: { soft: 1000, hard: 2000 },
      cpu: { soft: Infinity, hard: Infinity },
    },
    umask: 0o027,
    oomScoreAdj: 321,
    label: undefined,
    dropCapabilities: true,
    noNewPrivileges: true,
    seccomp: true,
    landlock: {
      readOnly: [
        '/usr',
        '/lib',
        '/lib64',
        '/bin',
        '/sbin',
        '/etc',
        '/proc',
        '/sys',
        '/dev/urandom',
        process.cwd(),
        '/nowhere',
      ],
      readWrite: [home, '/tmp', '/var/tmp', '/dev/shm', '/dev/null', '/dev/pts', '/dev/tty'],
    },
  };
  return {
    home,
    confinement,
    groups: () => readdirSync(v2).filter((name) => /^(hook|svc)-/.test(name)),
  };
}

/** The programs a test runs as the tenant are bash lines. */
export function inTenant(
  tenant: Tenant,
  script: string,
  options: Partial<LaunchOptions> = {},
): LaunchOptions {
  return {
    file: '/bin/bash',
    argv: ['bash', '-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: tenant.home,
    confinement: tenant.confinement,
    ...options,
  };
}

/** Processes of the tenant's account that live. */
export function processesOf(uid: number): number[] {
  const found: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      if (new RegExp(`^Uid:\\s+${uid}\\s`, 'm').test(status) && !/^State:\s+[ZX]/m.test(status))
        found.push(Number(name));
    } catch {
      // gone meanwhile
    }
  }
  return found;
}

export function installProgram(tenant: Tenant, name: string, text: string): string {
  const file = `${tenant.home}/${name}`;
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

export function installCopy(tenant: Tenant, name: string, from: string): string {
  const file = `${tenant.home}/${name}`;
  copyFileSync(from, file);
  chmodSync(file, 0o755);
  return file;
}
