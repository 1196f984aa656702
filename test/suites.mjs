// The suites of `npm test`, as data. A file of compiled tests belongs to the first suite whose pattern it matches;
// `unit` and `rooms` take what no other suite claims, so that no test can be forgotten.
//   files   patterns over dist/test (a `*` stays in one folder, `**` does not)
//   host    false: runs on the machine; an object: each file in a disposable host of its own with these options
//   outside patterns of files that run on the machine all the same: they make their hosts themselves
//   serial  one after another
//   steps   instead of files: commands; one that ends with 0 is a test that passed
//   minutes the limit of the whole suite (25 at most)
const node = (...argv) => [process.execPath, ...argv];
const modules = (path, ...argv) => node(`node_modules/${path}`, ...argv);

export const suites = [
  {
    name: 'lint',
    about: 'compiler, lint rules, the arrows of the house, formatting, types of the public API',
    host: false,
    minutes: 10,
    files: ['lint/**'],
    steps: [
      [
        'the compiler finds nothing',
        modules('typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit', '--incremental', 'false'),
      ],
      ['eslint finds nothing', modules('eslint/bin/eslint.js', '--config', '.eslint.config.mjs', '.')],
      [
        'the arrows between the rooms hold',
        modules('dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.cjs', 'src'),
      ],
      [
        'everything is formatted',
        modules('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
      ],
      ['the public types are what they should be', node('test/lint/types.mjs')],
    ],
  },
  {
    name: 'native',
    about: 'the C++ pieces under ASAN and UBSAN, without Node',
    host: false,
    minutes: 15,
    steps: [['the C++ tests hold under the sanitizers', node('native/build.mjs', '--sanitize-tests')]],
  },
  {
    name: 'hosts',
    about: 'the disposable hosts themselves',
    host: false,
    root: true,
    minutes: 10,
    files: ['hosts/**'],
  },
  {
    name: 'launch',
    about: 'the launcher and its confinement',
    host: {},
    files: ['native/launch**', 'native/confine**', 'native/**.host.test.js', 'gear/execute**'],
  },
  { name: 'login', about: 'SSH: keys, commands, sftp, git, confinement', host: {}, files: ['login/**'] },
  { name: 'create', about: 'bad input to oo-app-create', host: {}, files: ['create/**'] },
  {
    name: 'seed',
    about: "the seed's simple application, to the letter",
    host: { hostname: 'broker.test.example.com' },
    files: ['seed/**.host.test.js'],
  },
  {
    name: 'scaled',
    about: "the seed's scaled application, to the letter on one node and beyond it on two",
    host: { hostname: 'broker.test.example.com', addresses: ['192.168.59.144'] },
    outside: ['scaled/two-nodes/**'],
    serial: true,
    files: [
      'scaled/**.host.test.js',
      'scaled/two-nodes/**',
      'gear/ports.host.test.js',
      'cartridge/haproxy**.host.test.js',
      'cartridge/autoscaler**.host.test.js',
      'operations/expose-port.host.test.js',
      'operations/drain.host.test.js',
    ],
  },
  {
    name: 'demo',
    about: 'npm run demo: once, interrupted, killed',
    host: false,
    root: true,
    files: ['demo/**'],
  },
  { name: 'crash', about: 'killed at every effect', host: {}, files: ['crash/**', 'operations/crash**'] },
  {
    name: 'frontdoor',
    about: 'HAProxy by Host header',
    host: {},
    files: ['frontdoor/**', 'host/front-door**'],
  },
  {
    name: 'setup',
    about: 'oo-admin-node-setup twice, then --remove',
    host: {},
    files: ['setup/**', 'node/setup/**.host.test.js'],
  },
  {
    name: 'confinement',
    about: 'what /proc says of every kind of process',
    host: {},
    files: ['confinement/**'],
  },
  { name: 'rooms', about: 'every other test that needs root', host: {}, files: ['**.host.test.js'] },
  {
    name: 'unit',
    about: 'pure functions, with coverage',
    host: false,
    coverage: true,
    minutes: 10,
    files: ['**.test.js'],
  },
];

/** The patterns above as regular expressions over a path relative to dist/test. */
export function matcher(pattern) {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) =>
      part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('');
  return new RegExp(`^${source}$`);
}

/** Which suite each compiled test file belongs to: a map from the suite's name to its files. */
export function assign(files) {
  const found = new Map(suites.map(({ name }) => [name, []]));
  for (const file of files.filter((name) => name.endsWith('.test.js'))) {
    const suite = suites.find(({ files: patterns = [] }) =>
      patterns.some((pattern) => matcher(pattern).test(file)),
    );
    if (suite) found.get(suite.name).push(file);
  }
  return found;
}
