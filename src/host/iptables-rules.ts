/**
 * The rules of the iptables backend as text, and their reading from what iptables-save prints: chain `oo-guard` of the
 * raw table, chain `oo-ports` of the nat table, and the jumps into them. Invariant: every line that is made names one
 * of these chains; a rule that neither lies in them nor jumps into them cannot appear in a transaction.
 */
import type { ForwardChange, Forwards } from './port-forwarding.js';

const GUARD = 'oo-guard';
const PORTS = 'oo-ports';

/** As iptables-save prints them, so that what is there is compared by the letter. */
const guardRules = [
  `-A ${GUARD} -s 127.0.0.0/8 ! -i lo -j DROP`,
  `-A ${GUARD} -d 127.0.0.0/8 ! -i lo -j DROP`,
];
const guardJumps = [`-A PREROUTING -j ${GUARD}`];
/**
 * Only new TCP connections to an address of this machine walk through the ports; loopback stays as it is. The nat table
 * sees new ones only, but the word keeps connection tracking on: without it the kernel stops tracking with the last
 * port's rule, and connections that run by that port are cut off.
 */
const portJumps = ['PREROUTING', 'OUTPUT'].map(
  (chain) =>
    `-A ${chain} ! -d 127.0.0.0/8 -p tcp -m tcp --dport 1024:65535 -m conntrack --ctstate NEW -m addrtype --dst-type LOCAL -j ${PORTS}`,
);

interface SavedTable {
  readonly chains: ReadonlySet<string>;
  readonly rules: readonly string[];
}
export type SavedRules = ReadonlyMap<string, SavedTable>;

export function parseSaved(text: string): SavedRules {
  const tables = new Map<string, { chains: Set<string>; rules: string[] }>();
  let table: { chains: Set<string>; rules: string[] } | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = { chains: new Set(), rules: [] };
      tables.set(line.slice(1), table);
    } else if (line.startsWith(':')) table?.chains.add(line.slice(1).split(' ')[0] ?? '');
    else if (line.startsWith('-A ')) table?.rules.push(line);
  }
  return tables;
}

function portRule(port: number, target: string): string {
  return `-A ${PORTS} -p tcp -m tcp --dport ${port} -j DNAT --to-destination ${target}`;
}

function parsePortRule(rule: string): readonly [number, string] | undefined {
  const match = /^-A oo-ports -p tcp -m tcp --dport (\d+) -j DNAT --to-destination (127[\d.]+:\d+)$/.exec(
    rule,
  );
  return match === null ? undefined : [Number(match[1]), match[2]!];
}

/** Where each port leads; of several rules for one port the first one counts, as it does in the kernel. */
export function forwardsOf(saved: SavedRules): Map<number, string> {
  const found = new Map<number, string>();
  for (const rule of rulesIn(saved, 'nat', PORTS)) {
    const parsed = parsePortRule(rule);
    if (parsed !== undefined && !found.has(parsed[0])) found.set(parsed[0], parsed[1]);
  }
  return found;
}

/** What must stand before a port may be changed, as sentences; empty when all does. */
export function missingOf(saved: SavedRules): readonly string[] {
  return [...guardMissing(saved), ...portsMissing(saved)];
}

export function guardMissing(saved: SavedRules): readonly string[] {
  const missing: string[] = [];
  if (!same(rulesIn(saved, 'raw', GUARD), guardRules)) {
    missing.push(`the chain ${GUARD} of the raw table does not drop packets from and to 127/8`);
  }
  // A foreign rule in front could accept what the guard drops.
  if (rulesIn(saved, 'raw', 'PREROUTING')[0] !== guardJumps[0]) {
    missing.push(`PREROUTING of the raw table does not begin with the jump to ${GUARD}`);
  }
  if (jumpsInto(saved, 'raw', GUARD).length > 1) missing.push(`there are several jumps to ${GUARD}`);
  return missing;
}

function portsMissing(saved: SavedRules): readonly string[] {
  const missing: string[] = [];
  if (saved.get('nat')?.chains.has(PORTS) !== true) missing.push(`the nat table has no chain ${PORTS}`);
  const jumps = jumpsInto(saved, 'nat', PORTS);
  for (const jump of portJumps) {
    if (!jumps.includes(jump))
      missing.push(`${jump.split(' ')[1]} of the nat table does not jump to ${PORTS}`);
  }
  if (jumps.length > portJumps.length) missing.push(`there are several jumps to ${PORTS}`);
  return missing;
}

/** Rules in the chain of the ports that are none of ours, or stand there twice. */
export function strangersOf(saved: SavedRules): readonly string[] {
  const forwards = forwardsOf(saved);
  const strange: string[] = [];
  for (const rule of rulesIn(saved, 'nat', PORTS)) {
    const parsed = parsePortRule(rule);
    if (parsed === undefined) strange.push(`${PORTS} has a rule that is not the port proxy's: ${rule}`);
    // The first rule of a port is taken out of the map, so that a second one is found to be too many.
    else if (!forwards.delete(parsed[0])) strange.push(`port ${parsed[0]} has more than one rule`);
  }
  return strange;
}

export function guardText(saved: SavedRules): string {
  return transaction('raw', [
    `:${GUARD} - [0:0]`, // made, or emptied
    ...guardRules,
    ...jumpsInto(saved, 'raw', GUARD).map(deletion),
    ...guardJumps.map(insertion),
  ]);
}

/** Exactly these ports; undefined when the kernel has exactly them already. */
export function portsText(saved: SavedRules, wanted: Forwards): string | undefined {
  const rules = [...wanted].map(([port, target]) => portRule(port, target));
  const now = rulesIn(saved, 'nat', PORTS);
  if (portsMissing(saved).length === 0 && same([...now].sort(), [...rules].sort())) return undefined;
  return transaction('nat', [
    `:${PORTS} - [0:0]`,
    ...rules,
    ...jumpsInto(saved, 'nat', PORTS).map(deletion),
    ...portJumps.map(insertion),
  ]);
}

/** These changes and no others; undefined when there is nothing to change. */
export function changesText(saved: SavedRules, changes: readonly ForwardChange[]): string | undefined {
  const now = new Map<number, string[]>();
  for (const { port } of changes) now.set(port, []);
  for (const rule of rulesIn(saved, 'nat', PORTS)) {
    const parsed = parsePortRule(rule);
    if (parsed !== undefined) now.get(parsed[0])?.push(rule);
  }
  const lines = changes.flatMap(({ port, to }) => {
    const there = now.get(port) ?? [];
    const wanted = to === undefined ? [] : [portRule(port, to)];
    return same(there, wanted) ? [] : [...there.map(deletion), ...wanted];
  });
  return lines.length === 0 ? undefined : transaction('nat', lines);
}

/** Takes one chain of ours away with all jumps into it; undefined when it is not there. */
export function removalText(saved: SavedRules, table: 'nat' | 'raw'): string | undefined {
  const chain = table === 'nat' ? PORTS : GUARD;
  if (saved.get(table)?.chains.has(chain) !== true) return undefined;
  return transaction(table, [...jumpsInto(saved, table, chain).map(deletion), `-F ${chain}`, `-X ${chain}`]);
}

function rulesIn(saved: SavedRules, table: string, chain: string): readonly string[] {
  return saved.get(table)?.rules.filter((rule) => rule.startsWith(`-A ${chain} `)) ?? [];
}

/** Quoted words are comments and the like: what they say is no jump. */
function jumpsInto(saved: SavedRules, table: string, chain: string): readonly string[] {
  const jump = new RegExp(` -[jg] ${chain}( |$)`);
  const unquoted = (rule: string): string => rule.replace(/"(\\.|[^"\\])*"/g, '""');
  return saved.get(table)?.rules.filter((rule) => jump.test(unquoted(rule))) ?? [];
}

const deletion = (rule: string): string => rule.replace(/^-A /, '-D ');
const insertion = (rule: string): string => rule.replace(/^-A (\S+)/, '-I $1 1');

function transaction(table: string, lines: readonly string[]): string {
  return `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, index) => line === other[index]);
}
