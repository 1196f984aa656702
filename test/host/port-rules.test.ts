// The text of packet rules and its reading, with invented ports: what is made is read back as it was meant.
import fc from 'fast-check';
import t from 'tap';
import {
  changesText,
  forwardsOf,
  guardText,
  missingOf,
  parseSaved,
  portsText,
  removalText,
  strangersOf,
  type SavedRules,
} from '../../src/host/iptables-rules.js';
import * as nft from '../../src/host/nftables-rules.js';

const target = fc
  .tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.integer({ min: 1, max: 65_535 }))
  .map(([b, c, d, port]) => `127.${b}.${c}.${d}:${port}`);
const port = fc.integer({ min: 1024, max: 65_535 });
const forwards = fc
  .uniqueArray(fc.tuple(port, target), { selector: ([number]) => number, maxLength: 40 })
  .map((list) => new Map(list));

/** What `iptables-restore --noflush` does with the few words that are used here. */
function restored(saved: SavedRules, text: string | undefined): SavedRules {
  if (text === undefined) return saved;
  const tables = new Map([...saved].map(([name, table]) => [name, { ...table }]));
  let name = '';
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('*')) name = line.slice(1);
    if (line.startsWith('*') || line === 'COMMIT') continue;
    const table = tables.get(name) ?? { chains: new Set<string>(), rules: [] };
    tables.set(name, { ...table, ...step(table, line) });
  }
  return tables;
}

function step({ chains, rules }: { chains: ReadonlySet<string>; rules: readonly string[] }, line: string) {
  const [verb = '', chain = ''] = line.split(' ');
  const inChain = (rule: string): boolean => rule.startsWith(`-A ${chain} `);
  if (verb.startsWith(':')) {
    const own = verb.slice(1);
    return {
      chains: new Set([...chains, own]),
      rules: rules.filter((rule) => !rule.startsWith(`-A ${own} `)),
    };
  }
  if (verb === '-F') return { rules: rules.filter((rule) => !inChain(rule)) };
  if (verb === '-X') return { chains: new Set([...chains].filter((name) => name !== chain)) };
  if (verb === '-A') return { rules: [...rules, line] };
  if (verb === '-I') return { rules: [line.replace(/^-I (\S+) 1 /, '-A $1 '), ...rules] };
  const gone = rules.indexOf(line.replace(/^-D /, '-A '));
  if (verb !== '-D' || gone < 0) throw new Error(`the kernel would refuse: ${line}`);
  return { rules: rules.toSpliced(gone, 1) };
}

/** As iptables-save prints it. */
function printed(saved: SavedRules): string {
  return [...saved]
    .map(([name, { chains, rules }]) =>
      [
        `# Generated`,
        `*${name}`,
        ...[...chains].map((chain) => `:${chain} - [0:0]`),
        ...rules,
        'COMMIT',
      ].join('\n'),
    )
    .join('\n');
}

const foreign = parseSaved(`*raw
:PREROUTING ACCEPT [1:2]
-A PREROUTING -s 203.0.113.9/32 -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [1:2]
:oo-portsmouth - [0:0]
-A PREROUTING -p tcp -m tcp --dport 9 -j oo-portsmouth
-A OUTPUT -p tcp -m comment --comment "jump to -j oo-ports of old" -j RETURN
COMMIT
`);
const started = (wanted: ReadonlyMap<number, string>, from = foreign): SavedRules =>
  restored(restored(from, guardText(from)), portsText(from, wanted));

t.test('iptables: what is started is read back whole, and started again it stays', async (t) => {
  fc.assert(
    fc.property(forwards, (wanted) => {
      const saved = parseSaved(printed(started(wanted)));
      t.strictSame(forwardsOf(saved), wanted);
      t.strictSame([...missingOf(saved), ...strangersOf(saved)], []);
      t.equal(portsText(saved, wanted), undefined);
      t.strictSame(restored(saved, guardText(saved)), saved, 'the guard twice is the guard once');
    }),
    { numRuns: 100 },
  );
});

t.test('iptables: changes made and taken back leave the rules as they were', async (t) => {
  fc.assert(
    fc.property(forwards, forwards, (wanted, other) => {
      const saved = started(wanted);
      const ports = [...new Set([...wanted.keys(), ...other.keys()])];
      const changes = ports.map((number) => ({
        port: number,
        from: wanted.get(number),
        to: other.get(number),
      }));
      const after = restored(saved, changesText(saved, changes));
      t.strictSame(new Map([...forwardsOf(after)].sort()), new Map([...other].sort()));
      t.equal(changesText(after, changes), undefined, 'the same again changes nothing');
      const back = changes.map(({ port: number, from, to }) => ({ port: number, from: to, to: from }));
      t.strictSame(
        new Map([...forwardsOf(restored(after, changesText(after, back)))].sort()),
        new Map([...wanted].sort()),
      );
    }),
    { numRuns: 100 },
  );
});

t.test('iptables: removed, only what others have is left', async (t) => {
  fc.assert(
    fc.property(forwards, (wanted) => {
      const saved = started(wanted);
      const without = restored(restored(saved, removalText(saved, 'nat')), removalText(saved, 'raw'));
      t.strictSame(without, foreign);
      t.equal(removalText(without, 'nat'), undefined);
    }),
    { numRuns: 50 },
  );
});

t.test('iptables: rules of somebody else in the chain of the ports are named', async (t) => {
  const saved = started(new Map([[35566, '127.0.253.129:8080']]));
  const strange = restored(
    saved,
    '*nat\n-A oo-ports -j ACCEPT\n-A oo-ports -p tcp -m tcp --dport 35566 -j DNAT --to-destination 127.0.0.1:1\nCOMMIT\n',
  );
  t.strictSame(strangersOf(strange), [
    "oo-ports has a rule that is not the port proxy's: -A oo-ports -j ACCEPT",
    'port 35566 has more than one rule',
  ]);
  t.strictSame([...forwardsOf(strange)], [[35566, '127.0.253.129:8080']]);
  const mended = restored(
    strange,
    changesText(strange, [{ port: 35566, from: undefined, to: '127.0.0.2:2' }]),
  );
  t.strictSame([...forwardsOf(mended)], [[35566, '127.0.0.2:2']], 'a change leaves one rule for its port');
});

t.test('nftables: the elements of a table are those that were asked for', async (t) => {
  fc.assert(
    fc.property(forwards, (wanted) => {
      const list = /elements = \{ (.*) \}/.exec(nft.tableText(wanted))?.[1] ?? '';
      const elem = list
        .split(', ')
        .filter((text) => text !== '')
        .map((text) => {
          const [number, address, to] = text.split(/ [:.] /);
          return [Number(number), { concat: [address, Number(to)] }];
        });
      // As nft prints it: without elements there is no such key.
      const map = { name: 'ports', ...(elem.length === 0 ? {} : { elem }) };
      const items = nft.parseItems(JSON.stringify({ nftables: [{ metainfo: {} }, { map }] }));
      t.strictSame(nft.elementsOf(items), wanted);
    }),
    { numRuns: 100 },
  );
  t.throws(() => nft.parseItems('no JSON'), { code: 'ERR_PACKET_RULES' });
  const odd = [{ map: { name: 'ports', elem: [[1, '127.0.0.1']] } }];
  t.throws(() => nft.elementsOf(odd), { code: 'ERR_PACKET_RULES' });
});
