/** What a broker passes on from publishers: the seed's own words, several publishers, and what is refused. */
import t from 'tap';
import fc from 'fast-check';
import { escapeWord, splitWords } from '../../src/actions/words.js';
import {
  parsePublications,
  publicationsWord,
  publisherName,
  variablesOf,
} from '../../src/cartridge/publications.js';
import { seedConnector, seedConnectors } from '../scaled/seed-jobs.js';

const database = 'ec920d39b257412984fdcc40041c7d5e';
const child = 'f81fb70064064a35a9a25169481d490b';

t.test("the seed's argument strings are read as a shell reads them", async (t) => {
  const all = seedConnectors();
  t.equal(all.length, 6);
  for (const { args } of all) {
    const hook = args['--hook-name'] ?? '';
    const words = splitWords(args['--input-args'] ?? '');
    const publishes = hook.startsWith('publish-');
    t.equal(words.length, publishes ? 3 : 4, hook);
    t.equal(words[1], 'demo');
    t.equal(words[2], args['--gear-uuid']);
    if (publishes) continue;
    const word = words[3] ?? '';
    t.match(word, /^'[0-9a-f]{32}'='[^']*\n'$/, 'one word, with the newline inside');
    t.equal(`${words.slice(0, 3).join(' ')} ${escapeWord(word)}`, args['--input-args'], 'and back');
  }
});

t.test("the words of the seed's subscribers", async (t) => {
  const word = (hook: string) => splitWords(seedConnector(hook).args['--input-args'] ?? '')[3] ?? '';
  t.same(
    [...parsePublications(word('set-proxy'))],
    [[child, 'f81fb70064-demo.test.example.com|192.168.59.144:35571\n']],
  );
  t.same(
    [...parsePublications(word('set-gear-endpoints'))],
    [[child, `${child}@192.168.59.144:php-5.3;f81fb70064-demo.test.example.com\n`]],
  );
  const [[gear, text] = []] = [...parsePublications(word('set-db-connection-info'))];
  t.equal(gear, database);
  t.equal(text, `${seedConnector('publish-db-connection-info').exchange.output ?? ''}`);
  t.same(variablesOf(text ?? ''), {
    OPENSHIFT_MYSQL_DB_GEAR_UUID: database,
    OPENSHIFT_MYSQL_DB_GEAR_DNS: 'ec920d39b2-demo.test.example.com',
    OPENSHIFT_MYSQL_DB_USERNAME: 'admin',
    OPENSHIFT_MYSQL_DB_PASSWORD: 'WHWYjN1yxqiS',
    OPENSHIFT_MYSQL_DB_HOST: 'ec920d39b2-demo.test.example.com',
    OPENSHIFT_MYSQL_DB_PORT: '35576',
    OPENSHIFT_MYSQL_DB_URL: 'mysql://admin:WHWYjN1yxqiS@ec920d39b2-demo.test.example.com:35576/',
    OPENSHIFT_MYSQL_DB_SOCKET: `/var/lib/openshift/${database}//mysql-5.1/socket/mysql.sock`,
  });
});

t.test('any number of publishers comes out as it went in', async (t) => {
  const printed = fc.string().map((text) => text.replaceAll("'", '"'));
  const entries = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[0-9a-f]{32}$/), printed), {
    selector: ([gear]) => gear,
  });
  fc.assert(
    fc.property(entries, (list) => {
      const word = publicationsWord(new Map(list));
      const [back = ''] = splitWords(escapeWord(word.replaceAll('\0', '')));
      const expected = list.map(([gear, text]) => [gear, text.replaceAll('\0', '')]);
      t.same([...parsePublications(back)], expected);
    }),
    { numRuns: 200 },
  );
  t.same([...parsePublications('')], [], 'none at all');
});

t.test('what is not written so is refused', async (t) => {
  for (const word of ['x', "'a'", "'a'=b", "'a'='b", "'a'='b'c'", "'a'='b''c'='d'", "''='b'", "'a b'='c'"])
    t.throws(() => parsePublications(word), { code: 'ERR_BAD_PUBLICATION' }, word);
});

t.test('variables: the whole value, and nothing that is none', async (t) => {
  t.same(variablesOf('A=1; B=x=y=; \nC=; '), { A: '1', B: 'x=y=', C: '' });
  t.same(variablesOf('A=1;2\nB=3\r\n', /\n/), { A: '1;2', B: '3' });
  t.same(variablesOf('CLIENT_MESSAGE: quota\nA=1\n'), { A: '1' });
  for (const text of ['secret', '=secret', 'A=1; secret'])
    t.throws(() => variablesOf(text), { code: 'ERR_BAD_PUBLICATION' }, text);
  try {
    variablesOf('hunter2');
  } catch (error) {
    t.notMatch((error as Error).message, /hunter2/, 'which may be a password');
  }
});

t.test('the folder of a publisher is its name without its version', async (t) => {
  for (const [asked, name] of [
    ['mysql-5.1', 'mysql'],
    ['embedded/mysql-5.1', 'mysql'],
    ['mock-plugin-0.1', 'mock-plugin'],
    ['mock', 'mock'],
  ] as const)
    t.equal(publisherName(asked), name);
});
