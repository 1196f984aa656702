// The starter's own parts: TAP is counted right, every test file has a suite, distributions are told apart.
import t from 'tap';

interface Reader {
  passed: number;
  failures: { name: string; details: string[] }[];
  write(text: string): void;
  end(status: number, file: string): void;
}
const at = (name: string): string => new URL(`../../../test/${name}`, import.meta.url).href;
const { TapReader } = (await import(at('start/tap.mjs'))) as { TapReader: new () => Reader };
const { assign, matcher, suites } = (await import(at('suites.mjs'))) as {
  assign: (files: string[]) => Map<string, string[]>;
  matcher: (pattern: string) => RegExp;
  suites: { name: string; minutes?: number }[];
};
const { distribution } = (await import(at('start/packages.mjs'))) as {
  distribution: (text: string) => string;
};

function read(text: string, status = 0): Reader {
  const reader = new TapReader();
  for (let from = 0; from < text.length; from += 7) reader.write(text.slice(from, from + 7));
  reader.end(status, 'a.test.js');
  return reader;
}

t.test('assertions are counted, the summaries of their subtests are not', async (t) => {
  const { passed, failures } = read(`TAP version 14
# Subtest: outer
    # Subtest: inner
        ok 1 - a
        ok 2 - b
        1..2
    ok 1 - inner # time=1ms
    ok 2 - c
    1..2
ok 1 - outer # time=2ms

ok 2 - d
1..2
`);
  t.equal(passed, 4);
  t.same(failures, []);
});

t.test('a failure is counted once, with its names and its block', async (t) => {
  const { passed, failures } = read(
    `TAP version 14
# Subtest: outer
    ok 1 - fine
    not ok 2 - wrong
      ---
      diff: |
        not ok 7 - text in a block is not a test
      ...
    1..2
not ok 1 - outer # time=2ms
  ---
  at: x
  ...
1..1
`,
    1,
  );
  t.equal(passed, 1);
  t.equal(failures.length, 1);
  t.equal(failures[0]?.name, 'outer > wrong');
  t.match(failures[0]?.details.join('\n'), /diff/);
});

t.test('a file that dies, or tests nothing, has failed; skipped and to-do tests have not', async (t) => {
  t.match(read('ok 1 - a\n', 1).failures[0]?.name, /ended with 1/);
  t.match(read('').failures[0]?.name, /tested nothing/);
  t.match(read('Bail out! no database\n', 1).failures[0]?.name, /Bail out/);
  const { passed, failures } = read('ok 1 - a # SKIP not here\nnot ok 2 - b # TODO later\nok 3 - c\n1..3\n');
  t.equal(passed, 1);
  t.same(failures, []);
  t.same(read('1..0 # SKIP no root\n').failures, []);
});

t.test('a subtest that fails without a failed test in it is a failure', async (t) => {
  const { failures } = read('# Subtest: slow\n    ok 1 - a\n    1..1\nnot ok 1 - slow # time=1ms\n1..1\n', 1);
  t.same(
    failures.map(({ name }) => name),
    ['slow'],
  );
});

t.test('every test file belongs to exactly one suite', async (t) => {
  const files = [
    'gear/keys.test.js',
    'gear/home.host.test.js',
    'hosts/leftovers.test.js',
    'crash/crash.host.test.js',
    'seed/seed.host.test.js',
    'seed/seed-text.test.js',
    'native/launch.host.test.js',
    'native/lock.test.js',
    'lint/rules.test.js',
  ];
  const found = assign(files);
  t.same([...found.values()].flat().sort(), [...files].sort());
  t.same(found.get('unit')?.sort(), ['gear/keys.test.js', 'native/lock.test.js', 'seed/seed-text.test.js']);
  t.same(found.get('rooms'), ['gear/home.host.test.js']);
  t.ok(suites.every(({ minutes = 25 }) => minutes <= 25));
  t.ok(matcher('a/*.js').test('a/b.js'));
  t.notOk(matcher('a/*.js').test('a/b/c.js'));
});

t.test('distributions are told apart, others get one sentence', async (t) => {
  t.equal(distribution('ID=debian\nVERSION_ID="12"\n'), 'debian');
  t.equal(distribution('NAME=Mint\nID=linuxmint\nID_LIKE="ubuntu debian"\n'), 'debian');
  t.equal(distribution('ID=fedora\n'), 'fedora');
  t.equal(distribution('ID="rocky"\nID_LIKE="rhel centos fedora"\n'), 'fedora');
  t.throws(() => distribution('ID=alpine\n'), /neither Debian nor Fedora/);
});
