// Installs what the tests and the demo need from the distribution, and nothing else happens to the machine: no
// service is started by it (a policy-rc.d that denies is placed meanwhile, and removed exactly) and none is left enabled.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { step } from './progress.mjs';
import { SetupError, tool } from './tool.mjs';

const debian = {
  packages: `openssh-server openssh-client rsync git haproxy apache2 libapache2-mod-php php-cli php-mysql mariadb-server
    mariadb-client iproute2 iptables nftables conntrack socat curl g++ make python3 libpam0g-dev libselinux1-dev util-linux mount e2fsprogs procps
    acl attr passwd`,
  // What a package enables at its installation, to be disabled again where the package was not there before.
  units: {
    'openssh-server': ['ssh'],
    rsync: ['rsync'],
    haproxy: ['haproxy'],
    apache2: ['apache2'],
    'mariadb-server': ['mariadb'],
    'php-common': ['phpsessionclean.timer'],
  },
};
const fedora = {
  packages: `openssh-server openssh-clients rsync git haproxy httpd php php-cli php-mysqlnd mariadb-server mariadb iproute
    iptables-nft iptables-legacy nftables conntrack-tools socat curl gcc-c++ glibc-static libstdc++-static make python3 pam-devel libselinux-devel util-linux e2fsprogs procps-ng acl attr shadow-utils`,
  units: {
    'openssh-server': ['sshd'],
    haproxy: ['haproxy'],
    httpd: ['httpd'],
    php: ['php-fpm'],
    'mariadb-server': ['mariadb'],
  },
};
const words = (text) => text.split(/\s+/).filter(Boolean);

/** The family of this distribution, by what it says of itself. */
export function distribution(osRelease = readFileSync('/etc/os-release', 'utf8')) {
  const value = (key) => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(osRelease)?.[1] ?? '';
  const names = words(`${value('ID')} ${value('ID_LIKE')}`);
  if (names.includes('debian') || names.includes('ubuntu')) return 'debian';
  if (names.some((name) => ['fedora', 'rhel', 'centos'].includes(name))) return 'fedora';
  throw new SetupError(
    `'${value('ID')}' is neither Debian nor Fedora: install by hand what test/start/packages.mjs names.`,
  );
}

async function missingOnDebian(packages) {
  const { output } = await tool('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...packages], {
    accept: [0, 1],
  });
  const there = new Set(
    output
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return packages.filter((name) => !there.has(name));
}

async function missingOnFedora(packages) {
  const missing = [];
  for (const name of packages) {
    const { status } = await tool('rpm', ['-q', '--whatprovides', name], { accept: [0, 1] });
    if (status !== 0) missing.push(name);
  }
  return missing;
}

const policy = '/usr/sbin/policy-rc.d';
const saved = `${policy}.before-oo-node`;
const marker = '# placed by the set-up of oo-node for the time of an installation';

function restorePolicy() {
  if (existsSync(policy) && readFileSync(policy, 'utf8').includes(marker)) rmSync(policy);
  if (existsSync(saved)) renameSync(saved, policy);
}

/** Holds services down while the work runs; a run that was killed in the middle is put right first. */
async function withoutServices(work) {
  restorePolicy();
  if (existsSync(policy)) renameSync(policy, saved);
  writeFileSync(policy, `#!/bin/sh\n${marker}\nexit 101\n`, { mode: 0o755 });
  const interrupted = () => {
    restorePolicy();
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    return await work();
  } finally {
    restorePolicy();
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}

async function installOnDebian(missing) {
  const env = { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1', LC_ALL: 'C.UTF-8' };
  const install = [
    'install',
    '-y',
    '-q',
    '--no-install-recommends',
    '-o',
    'Dpkg::Options::=--force-confold',
    ...missing,
  ];
  const related = Object.keys(debian.units);
  const before = new Set(await missingOnDebian(related));
  await withoutServices(async () => {
    await step('apt-get update', () => tool('apt-get', ['update', '-q'], { env }));
    await step(`apt-get install ${missing.join(' ')}`, () => tool('apt-get', install, { env }));
  });
  const after = new Set(await missingOnDebian(related));
  await disable(
    related.filter((name) => before.has(name) && !after.has(name)).flatMap((name) => debian.units[name]),
  );
}

async function installOnFedora(missing) {
  await step(`dnf install ${missing.join(' ')}`, () =>
    tool('dnf', ['install', '-y', '-q', '--setopt=install_weak_deps=False', ...missing]),
  );
  await disable(missing.flatMap((name) => fedora.units[name] ?? []));
}

async function disable(units) {
  for (const unit of units) {
    if (existsSync('/usr/bin/systemctl'))
      await tool('systemctl', ['--root=/', 'disable', unit], { accept: [0, 1] });
    if (existsSync('/usr/sbin/update-rc.d') && !unit.includes('.')) {
      await tool('update-rc.d', [unit, 'disable'], { accept: [0, 1] });
    }
  }
}

/** Installs the packages that are missing; without any it only looks. */
export async function ensurePackages() {
  const family = distribution();
  const packages = words({ debian, fedora }[family].packages);
  const find = family === 'debian' ? missingOnDebian : missingOnFedora;
  const missing = await find(packages);
  if (missing.length === 0) return;
  if (process.getuid() !== 0) {
    throw new SetupError(`Run this with sudo once: it has to install ${missing.join(', ')}.`);
  }
  await (family === 'debian' ? installOnDebian : installOnFedora)(missing);
  const still = await find(packages);
  if (still.length > 0) throw new SetupError(`These packages could not be installed: ${still.join(', ')}.`);
}
