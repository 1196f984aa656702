/** The uid's tables of the contract, to the digit, and the properties behind them. */
import t from 'tap';
import fc from 'fast-check';
import {
  defaultRules,
  isGearUuid,
  loopbackAddress,
  mcsLabel,
  parseAppName,
  parseGearUuid,
  parseIpv4,
  parseNamespace,
  parsePort,
  parseUid,
  publicPorts,
} from '../../src/gear/identity.js';

const labels: readonly (readonly [number, string])[] = [
  [1, 's0:c0,c1'],
  [500, 's0:c0,c500'],
  [507, 's0:c0,c507'],
  [508, 's0:c0,c508'],
  [509, 's0:c0,c509'],
  [510, 's0:c0,c510'],
  [1000, 's0:c0,c1000'],
  [1023, 's0:c0,c1023'],
  [1024, 's0:c1,c2'],
  [2046, 's0:c2,c3'],
  [6500, 's0:c6,c383'],
  [6999, 's0:c6,c882'],
  [65_536, 's0:c66,c229'],
  [523_775, 's0:c1021,c1023'],
  [523_776, 's0:c1022,c1023'],
];

t.test('SELinux labels of the table', async (t) => {
  for (const [uid, label] of labels) t.equal(mcsLabel(uid), label, `uid ${uid}`);
});

t.test('labels of all uids are different, and in lexicographic order of their pairs', async (t) => {
  let previous: readonly [number, number] = [-1, -1];
  let ordered = true;
  for (let uid = 1; uid <= 523_776; uid += uid < 5000 ? 1 : 37) {
    const match = /^s0:c(\d+),c(\d+)$/.exec(mcsLabel(uid));
    const pair = [Number(match?.[1]), Number(match?.[2])] as const;
    const ascending = pair[0] > previous[0] || (pair[0] === previous[0] && pair[1] > previous[1]);
    ordered &&= ascending && pair[0] < pair[1] && pair[1] < 1024;
    previous = pair;
  }
  t.ok(ordered);
});

t.test('a label leads back to its uid', async (t) => {
  const size = 1024;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 523_776 }), (uid) => {
      const [, a = '', b = ''] = /^s0:c(\d+),c(\d+)$/.exec(mcsLabel(uid)) ?? [];
      const first = Number(a);
      return first * size - (first * (first + 1)) / 2 + (Number(b) - first) === uid;
    }),
  );
  t.pass();
});

t.test('other label parameters: offset, level and three categories', async (t) => {
  t.equal(mcsLabel(1500, { ...defaultRules, mcsUidOffset: 1000 }), 's0:c0,c500');
  t.equal(mcsLabel(507, { ...defaultRules, mlsLevel: 3 }), 's3:c0,c507');
  t.equal(mcsLabel(2, { ...defaultRules, mcsGroupSize: 3 }), 's0:c0,c1,c2');
  t.equal(mcsLabel(3, { ...defaultRules, mcsGroupSize: 3 }), 's0:c0,c1,c3');
});

t.test('uids without a label are errors', async (t) => {
  for (const uid of [0, -1, 1.5, 523_777, 2 ** 32])
    t.throws(() => mcsLabel(uid), { message: /./, exitCode: 255 }, String(uid));
});

t.test('loopback addresses of the table', async (t) => {
  const table: readonly (readonly [number, number, string])[] = [
    [0, 1, '127.0.0.1'],
    [0, 127, '127.0.0.127'],
    [500, 1, '127.0.250.1'],
    [500, 127, '127.0.250.127'],
    [507, 1, '127.0.253.129'],
    [507, 127, '127.0.253.255'],
    [508, 1, '127.0.254.1'],
    [509, 1, '127.0.254.129'],
    [510, 1, '127.0.255.1'],
    [510, 127, '127.0.255.127'],
    [1000, 1, '127.1.244.1'],
    [1001, 1, '127.1.244.129'],
    [6999, 1, '127.13.171.129'],
    [65_535, 1, '127.127.255.129'],
    [65_536, 1, '127.0.0.129'],
  ];
  for (const [uid, host, address] of table) t.equal(loopbackAddress(uid, host), address, `${uid} ${host}`);
});

t.test('no two uids below the wraparound share an address', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 65_535 }),
      fc.integer({ min: 1, max: 127 }),
      fc.integer({ min: 0, max: 65_535 }),
      fc.integer({ min: 1, max: 127 }),
      (a, hostA, b, hostB) =>
        (a === b && hostA === hostB) || loopbackAddress(a, hostA) !== loopbackAddress(b, hostB),
    ),
  );
  t.pass();
});

t.test('addresses outside of the range are errors', async (t) => {
  for (const host of [0, 128, 1.5, -1])
    t.throws(() => loopbackAddress(507, host), { message: /./, exitCode: 255 });
  t.throws(() => loopbackAddress(-1, 1), { message: /./, exitCode: 255 });
  t.throws(() => loopbackAddress(2 ** 32, 1), { message: /./, exitCode: 255 });
  t.match(loopbackAddress(2 ** 32 - 1, 127), /^127\./, 'every uid has an address below 127');
});

t.test('public ports of the table', async (t) => {
  const table: readonly (readonly [number, number])[] = [
    [499, 65_531],
    [500, 35_531],
    [507, 35_566],
    [508, 35_571],
    [509, 35_576],
    [510, 35_581],
    [1000, 38_031],
    [6499, 65_526],
    [6500, 65_531],
    [6501, 35_531],
    [6999, 38_021],
    [12_502, 35_531],
  ];
  for (const [uid, first] of table) {
    t.same(
      publicPorts(uid),
      [0, 1, 2, 3, 4].map((n) => first + n),
      `uid ${uid}`,
    );
  }
});

t.test('ports never pass 65535, and 6001 consecutive uids share none', async (t) => {
  const seen = new Set<number>();
  let overlap = false;
  for (let uid = 1000; uid < 1000 + 6001; uid += 1) {
    for (const port of publicPorts(uid)) {
      overlap ||= seen.has(port) || port > 65_535 || port < 35_531;
      seen.add(port);
    }
  }
  t.notOk(overlap);
});

t.test('uuids: what is accepted and what is not', async (t) => {
  for (const uuid of ['a', 'cc9beb39785a45b9b97bdc6951fc8dbf', '0123456789abcdef01234567', 'A-b-', '12345']) {
    t.equal(parseGearUuid(uuid), uuid);
    t.ok(isGearUuid(uuid));
  }
  const bad = [
    '',
    '-x',
    '../x',
    'a/b',
    'a\n',
    '\na',
    'a\0',
    'a b',
    'a.b',
    'ä',
    'a:b',
    `${'a'.repeat(33)}`,
    '.x',
    'a\r',
    '*',
    '$(id)',
    'a;b',
    "a'b",
    undefined,
    null,
    7,
    {},
    ['a'],
  ];
  for (const uuid of bad) {
    t.throws(() => parseGearUuid(uuid), { code: 'ERR_BAD_UUID', exitCode: 255 }, JSON.stringify(uuid));
    t.notOk(isGearUuid(uuid));
  }
});

t.test('any text that is accepted as a uuid is one plain word', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      if (isGearUuid(text)) return /^[A-Za-z0-9][A-Za-z0-9-]*$/.test(text) && text.length <= 32;
      return true;
    }),
  );
  t.pass();
});

t.test('names, namespaces, uids, addresses and ports', async (t) => {
  t.equal(parseAppName('phpapp'), 'phpapp');
  for (const name of ['', '-x', 'a-b', 'a.b', 'a'.repeat(33), 'a b', 'a\n']) {
    t.throws(() => parseAppName(name), { message: /./, exitCode: 255 }, JSON.stringify(name));
  }
  t.equal(parseNamespace('demo'), 'demo');
  for (const name of ['', 'a'.repeat(17), 'a-b', 'a\n'])
    t.throws(() => parseNamespace(name), { message: /./, exitCode: 255 });
  t.equal(parseUid('507'), 507);
  t.equal(parseUid(507), 507);
  for (const uid of [
    0,
    '0',
    -1,
    '-1',
    '0x10',
    '1e3',
    ' 7',
    '7 ',
    '',
    'x',
    1.5,
    2 ** 32,
    '99999999999',
    NaN,
  ]) {
    t.throws(() => parseUid(uid), { code: 'ERR_BAD_UID' }, JSON.stringify(uid));
  }
  t.equal(parseIpv4('127.0.253.129'), '127.0.253.129');
  t.throws(() => parseIpv4('127.0.253.256'));
  t.equal(parsePort('3306'), 3306);
  t.throws(() => parsePort(65_536));
});

t.test('a message about a bad value is one short line', async (t) => {
  for (const value of ['x\ny'.repeat(500), '\u0000', 'a'.repeat(10_000)]) {
    try {
      parseGearUuid(value);
      t.fail('accepted');
    } catch (error) {
      const { message } = error as Error;
      t.notMatch(message, /\n/);
      t.ok(message.length < 250, message);
    }
  }
});
