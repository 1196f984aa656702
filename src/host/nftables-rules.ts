/**
 * The table of the nftables backend as text for nft, and its reading from nft's JSON. Each rule carries a comment by
 * which it is known again: how nft prints a rule changes from version to version, a comment does not. Invariant: no
 * text made here names a table other than `ip oo_node`.
 */
import { OoError } from '../native/error.js';
import type { ForwardChange, Forwards } from './port-forwarding.js';

export const TABLE = 'oo_node';

interface Rule {
  readonly chain: string;
  readonly text: string;
  readonly comment: string;
}

/** Chains by name, with what makes them base chains. The guard comes before everybody's raw rules. */
const chains: ReadonlyMap<string, string> = new Map([
  ['guard', 'type filter hook prerouting priority -310; policy accept;'],
  ['prerouting', 'type nat hook prerouting priority -110; policy accept;'],
  ['output', 'type nat hook output priority -110; policy accept;'],
]);
const translate = 'ip daddr != 127.0.0.0/8 fib daddr type local dnat ip to tcp dport map @ports';
const rules: readonly Rule[] = [
  { chain: 'guard', text: 'iifname != "lo" ip saddr 127.0.0.0/8 drop', comment: 'oo-node: from 127/8' },
  { chain: 'guard', text: 'iifname != "lo" ip daddr 127.0.0.0/8 drop', comment: 'oo-node: to 127/8' },
  { chain: 'prerouting', text: translate, comment: 'oo-node: ports' },
  { chain: 'output', text: translate, comment: 'oo-node: ports' },
];

function chainText(name: string): string {
  const lines = rules.filter(({ chain }) => chain === name);
  const body = lines.map(({ text, comment }) => `    ${text} comment "${comment}"\n`).join('');
  return `  chain ${name} {\n    ${chains.get(name) ?? ''}\n${body}  }\n`;
}

/** Replaces the table whole in one transaction; what was there before may be anything. */
function replaced(body: string): string {
  return `add table ip ${TABLE}\ndelete table ip ${TABLE}\ntable ip ${TABLE} {\n${body}}\n`;
}

/** The guard and nothing else. */
export const guardText = replaced(chainText('guard'));

export function tableText(wanted: Forwards): string {
  const elements = wanted.size === 0 ? '' : `    elements = { ${elementList([...wanted])} }\n`;
  const map = `  map ports {\n    type inet_service : ipv4_addr . inet_service;\n${elements}  }\n`;
  return replaced(map + [...chains.keys()].map(chainText).join(''));
}

export const removalText = `add table ip ${TABLE}\ndelete table ip ${TABLE}\n`;

/** All rules made anew in chains that must be there: to ask for them would read the whole map, this does not. */
const assertedRules = [...chains.keys()]
  .map((name) => {
    const lines = rules.filter(({ chain }) => chain === name);
    const added = lines.map(
      ({ text, comment }) => `add rule ip ${TABLE} ${name} ${text} comment "${comment}"\n`,
    );
    return `flush chain ip ${TABLE} ${name}\n${added.join('')}`;
  })
  .join('');

/**
 * The changes as commands that hold whether they were made before or not: adding what is there changes nothing, and
 * what must go is first added, so that it is there. The kernel refuses all of them when a port leads elsewhere, or when
 * a chain or the map is gone.
 */
export function changesText(changes: readonly ForwardChange[]): string {
  const command = (verb: string, elements: string): string =>
    elements === '' ? '' : `${verb} element ip ${TABLE} ports { ${elements} }\n`;
  const leaving = changes.flatMap(({ port, from, to }): [number, string][] =>
    from === undefined || from === to ? [] : [[port, from]],
  );
  const coming = changes.flatMap(({ port, to }): [number, string][] =>
    to === undefined ? [] : [[port, to]],
  );
  return (
    assertedRules +
    command('add', elementList(leaving)) +
    command('delete', leaving.map(([port]) => port).join(', ')) +
    command('add', elementList(coming))
  );
}

function elementList(forwards: readonly (readonly [number, string])[]): string {
  return forwards.map(([port, target]) => `${port} : ${target.replace(':', ' . ')}`).join(', ');
}

/** What of one item of nft's JSON is looked at. */
export interface NftItem {
  readonly table?: { readonly name: string };
  readonly chain?: { readonly name: string; readonly hook?: string; readonly prio?: number };
  readonly rule?: { readonly chain: string; readonly comment?: string };
  readonly map?: { readonly name: string; readonly elem?: readonly unknown[] };
}

export function parseItems(text: string): readonly NftItem[] {
  try {
    return (JSON.parse(text) as { nftables: readonly NftItem[] }).nftables;
  } catch (cause) {
    throw unreadable(text.slice(0, 80), cause);
  }
}

export function elementsOf(items: readonly NftItem[]): Map<number, string> {
  const found = new Map<number, string>();
  for (const element of items.find(({ map }) => map?.name === 'ports')?.map?.elem ?? []) {
    const [port, value] = element as [unknown, { readonly concat?: unknown } | null | undefined];
    const target: readonly unknown[] = Array.isArray(value?.concat) ? value.concat : [];
    if (typeof port !== 'number' || target.length !== 2) throw unreadable(JSON.stringify(element));
    found.set(port, target.join(':'));
  }
  return found;
}

export interface Missing {
  /** The guard stands whole. */
  readonly guarded: boolean;
  /** What must stand before a port may be changed and does not, as sentences. */
  readonly missing: readonly string[];
  /** Rules in our chains that are none of ours. */
  readonly strange: readonly string[];
}

export function missingOf(items: readonly NftItem[]): Missing {
  const missing: string[] = [];
  let guarded = true;
  for (const [name, base] of chains) {
    const chain = items.find((item) => item.chain?.name === name)?.chain;
    const wanted = rules.filter((rule) => rule.chain === name).map(({ comment }) => comment);
    const there = items.flatMap(({ rule }) => (rule?.chain === name ? [rule.comment] : []));
    const hooked = chain !== undefined && base.includes(`hook ${chain.hook} priority ${chain.prio};`);
    // Ours come first, so that none in front of them can let a packet pass.
    if (hooked && wanted.every((comment, index) => there[index] === comment)) continue;
    missing.push(
      chain === undefined
        ? `the table ip ${TABLE} has no chain ${name}`
        : `the chain ${name} of the table ip ${TABLE} is not as it must be`,
    );
    if (name === 'guard') guarded = false;
  }
  if (!items.some(({ map }) => map?.name === 'ports')) missing.push(`the table ip ${TABLE} has no map ports`);
  const strange = items.flatMap(({ rule }) =>
    rule === undefined || rules.some(({ chain, comment }) => chain === rule.chain && comment === rule.comment)
      ? []
      : [`the chain ${rule.chain} of the table ip ${TABLE} has a rule that is not the port proxy's`],
  );
  return { guarded, missing, strange };
}

function unreadable(what: string, cause?: unknown): OoError {
  return new OoError(`nft printed what could not be read (${what}). No rule was changed.`, {
    code: 'ERR_PACKET_RULES',
    cause,
  });
}
