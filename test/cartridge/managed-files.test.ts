/** Lists of managed files: only what is below the cartridge or the home, never what the node keeps to itself. */
import t from 'tap';
import { parseManagedFiles } from '../../src/cartridge/managed-files.js';

const parse = (text: string | undefined) => parseManagedFiles(text, 'mock-0.1', 'MOCK');

t.test('entries are relative to the cartridge, or to the home with ~/', async (t) => {
  const { locked_files, snapshot_exclusions } = parse(`
:locked_files:
  - ~/.mock_locked
  - conf/
  - /conf/x
  - ./conf//y
  - ~/app-root/data/file
  - '  '
snapshot_exclusions: [ ~/app-root/data/tmp/*, 'link: target' ]
`);
  t.same(locked_files, [
    '.mock_locked',
    'mock-0.1/conf/',
    'mock-0.1/conf/x',
    'mock-0.1/conf/y',
    'app-root/data/file',
  ]);
  t.same(snapshot_exclusions, ['app-root/data/tmp/*', 'mock-0.1/link: target']);
});

t.test('what leads elsewhere or belongs to the node is left out', async (t) => {
  const refused = [
    '~/.ssh/x',
    '~/.sshx',
    '~/.env/NAME',
    '~/.tmp',
    '~/../x',
    '../other/x',
    '../../x',
    '~/git/x',
    '~/plain',
    '~/app-root',
    '~/.a/b',
  ];
  const own = [
    'metadata/manifest.yml',
    'metadata/managed_files.yml',
    'env/OPENSHIFT_MOCK_IDENT',
    'env/OPENSHIFT_MOCK_DIR',
    'bin',
    '.',
  ];
  const text = `locked_files: ${JSON.stringify([...refused, ...own, 'env/OPENSHIFT_MOCK_LOG_DIR'])}`;
  t.same(parse(text).locked_files, ['mock-0.1/env/OPENSHIFT_MOCK_LOG_DIR']);
});

t.test('a missing, empty or broken file means no entries', async (t) => {
  for (const text of [undefined, '', 'a: [', '- x', 'locked_files: x']) t.same(parse(text).locked_files, []);
});

t.test('maps name their first key', async (t) => {
  t.same(parse('dependency_dirs: [ {~/.node_modules: node_modules}, phplib ]').dependency_dirs, [
    '.node_modules',
    'mock-0.1/phplib',
  ]);
});
