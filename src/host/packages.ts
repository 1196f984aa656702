/**
 * What a node needs of the distribution: the program that must be there, and the package that brings it, by family.
 * Invariant: looked for by file, never by asking a package manager, so that a program built by hand counts too.
 */
import { accessSync, constants, existsSync } from 'node:fs';

export interface Need {
  readonly what: string;
  /** Any one of these. */
  readonly programs: readonly string[];
  readonly debian: string;
  readonly fedora: string;
}

export const nodeNeeds: readonly Need[] = [
  { what: 'SSH server', programs: ['/usr/sbin/sshd'], debian: 'openssh-server', fedora: 'openssh-server' },
  { what: 'git', programs: ['/usr/bin/git'], debian: 'git', fedora: 'git-core' },
  { what: 'HAProxy', programs: ['/usr/sbin/haproxy'], debian: 'haproxy', fedora: 'haproxy' },
  { what: 'rsync', programs: ['/usr/bin/rsync'], debian: 'rsync', fedora: 'rsync' },
];

/** What leads public ports to gears, as PORT_PROXY of node.conf names it. */
export type PortProxyKind = 'iptables' | 'iptables-legacy' | 'iptables-nft' | 'nftables';

export function portProxyNeed(kind: PortProxyKind): Need {
  if (kind === 'nftables') {
    return { what: 'nftables', programs: ['/usr/sbin/nft'], debian: 'nftables', fedora: 'nftables' };
  }
  return {
    what: kind,
    programs: [`/usr/sbin/${kind}-restore`],
    debian: 'iptables',
    fedora: kind === 'iptables-legacy' ? 'iptables-legacy' : 'iptables-nft',
  };
}

export const cartridgeNeeds: readonly Need[] = [
  {
    what: 'Apache httpd with PHP',
    programs: ['/usr/sbin/apache2', '/usr/sbin/httpd'],
    debian: 'apache2 libapache2-mod-php php-cli php-mysql',
    fedora: 'httpd php php-cli php-mysqlnd',
  },
  {
    what: 'MariaDB',
    programs: ['/usr/sbin/mariadbd', '/usr/libexec/mariadbd', '/usr/sbin/mysqld'],
    debian: 'mariadb-server',
    fedora: 'mariadb-server',
  },
  {
    what: 'socat (for the haproxy cartridge)',
    programs: ['/usr/bin/socat'],
    debian: 'socat',
    fedora: 'socat',
  },
  { what: 'curl (for the haproxy cartridge)', programs: ['/usr/bin/curl'], debian: 'curl', fedora: 'curl' },
];

export function missing(needs: readonly Need[]): readonly Need[] {
  return needs.filter(({ programs }) => !programs.some(executable));
}

/** The line that installs what is missing on this machine. */
export function installLine(needs: readonly Need[]): string {
  const debian = existsSync('/usr/bin/apt-get');
  const names = needs.map((need) => (debian ? need.debian : need.fedora)).join(' ');
  return debian ? `apt-get install --no-install-recommends ${names}` : `dnf install ${names}`;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
