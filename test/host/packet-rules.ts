/**
 * The kernel's packet rules as tests look at them: what programs print without counters, a server on a loopback
 * address, and a connection to a public port. Invariant: nothing here asks the code under test.
 */
import { execFileSync } from 'node:child_process';
import { createConnection, createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { requireHost } from '../hosts/inside.js';

requireHost();
export const kinds = ['iptables', 'iptables-legacy', 'iptables-nft', 'nftables'] as const;
export type Kind = (typeof kinds)[number];

export function tool(file: string, argv: readonly string[], input = ''): string {
  return execFileSync(file, argv, { input, encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 26 });
}

/** Rules of both variants and of nft, with chains but without counters and comments. */
export function allRules(): string {
  const saved = ['iptables-legacy-save', 'iptables-nft-save'].map((name) =>
    tool(name, [])
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.replace(/ \[\d+:\d+\]$/, '')),
  );
  // nft has its tables in the order in which they were made.
  const tables = tool('nft', ['-s', 'list', 'ruleset'])
    .split(/^(?=table )/m)
    .sort();
  return [
    ...saved.flat(),
    ...tables
      .join('')
      .split('\n')
      .filter((line) => line !== ''),
  ].join('\n');
}

/** Rules and the chains that somebody made; a table that the kernel made on the way, and left empty, is nothing. */
export function rulesOnly(): string {
  const lines = allRules().split('\n');
  return lines.filter((line) => /^-A |^:\S+ -$|^table ip oo_node/.test(line)).join('\n');
}

/** Rules of somebody else in each table that the backends use, and a table of nft. */
export function plantForeignRules(
  into: readonly string[] = ['iptables-legacy', 'iptables-nft', 'nft'],
): void {
  for (const name of into.filter((program) => program !== 'nft')) {
    const redirect = ['-p', 'tcp', '--dport', '9', '-j', 'REDIRECT', '--to-ports', '10'];
    for (const chain of ['PREROUTING', 'OUTPUT']) tool(name, ['-t', 'nat', '-A', chain, ...redirect]);
    tool(name, ['-t', 'raw', '-A', 'PREROUTING', '-s', '203.0.113.9/32', '-j', 'DROP']);
    tool(name, ['-A', 'INPUT', '-p', 'tcp', '--dport', '9', '-j', 'ACCEPT']);
  }
  const chain = 'chain c { type filter hook input priority 5; tcp dport 9 accept; }';
  if (into.includes('nft')) tool('nft', ['-f', '-'], `table ip operator { ${chain}; }`);
}

/** Says its name to everybody who connects. */
export async function greeter(address: string, port: number, name = `${address}:${port}`): Promise<Server> {
  const server = createServer((socket) => void socket.end(name).on('error', () => undefined));
  server.listen(port, address);
  await once(server, 'listening');
  return server;
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** What the other end says, or the reason why there is none. */
export function visit(address: string, port: number, timeout = 1000): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port });
    let said = '';
    socket.setEncoding('utf8').on('data', (text: string) => (said += text));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('end', () => resolve(said));
    socket.setTimeout(timeout, () => {
      resolve('ETIMEDOUT');
      socket.destroy();
    });
  });
}
