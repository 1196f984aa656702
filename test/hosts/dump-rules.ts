/**
 * The packet rules of a host, as lines that can be compared: those of both iptables variants and of nft, where the
 * programs are. Invariant: public ports and everybody else's rules are all there; what the port proxy keeps standing
 * without any port (its guard, its chains, the jumps into them) is left out, because the first port that is exposed
 * brings it and the last one leaves it, and so are tables that the kernel makes on the way and leaves empty.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const STANDING = / -j oo-(guard|ports)$|^-A oo-guard |^:oo-(guard|ports) /;
/** iptables-nft-save shows them. */
const COMPATIBLE = /^table ip6? (filter|nat|raw|mangle|security) /;

export async function packetRules(): Promise<readonly string[]> {
  const [legacy, compatible, tables] = await Promise.all([
    printed('iptables-legacy-save'),
    printed('iptables-nft-save'),
    printed('nft', '--stateless', 'list', 'ruleset'),
  ]);
  return [
    ...saved('legacy', legacy),
    ...saved('nft', compatible),
    ...tables
      .split(/^(?=table )/m)
      .filter((table) => table.startsWith('table ') && !COMPATIBLE.test(table))
      .sort()
      .flatMap((table) => (table.startsWith('table ip oo_node ') ? elements(table) : table.split('\n')))
      .filter((line) => line.trim() !== '')
      .map((line) => `nft ${line}`),
  ];
}

async function printed(program: string, ...argv: readonly string[]): Promise<string> {
  if (!existsSync(`/usr/sbin/${program}`)) return '';
  const { stdout } = await promisify(execFile)(`/usr/sbin/${program}`, argv, { maxBuffer: 64 << 20 });
  return stdout;
}

function saved(variant: string, text: string): string[] {
  const policy = /^:\S+ (?!ACCEPT)/;
  let table = '';
  return text.split('\n').flatMap((line) => {
    if (line.startsWith('*')) table = line.slice(1);
    if (STANDING.test(line) || !(line.startsWith('-A ') || policy.test(line))) return [];
    return [`${variant} ${table} ${line.replace(/ \[\d+:\d+\]$/, '')}`];
  });
}

/** What the map of the port proxy holds. */
function elements(table: string): readonly string[] {
  const list = /elements = \{([^}]*)\}/.exec(table)?.[1] ?? '';
  return list
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '')
    .sort();
}
