/** The platform's log: its lines, its secrets, its rotation. */
import t from 'tap';
import { readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { OoError } from '../../src/native/error.js';
import { openPlatformLog } from '../../src/node/log.js';
import { isSecretName, redactText, redactValue } from '../../src/node/redact.js';

t.test('plain and JSON lines, level, and an error as its sentence', async (t) => {
  const dir = t.testdir({});
  const file = join(dir, 'log', 'platform.log');
  const plain = openPlatformLog({ file, level: 'INFO', format: 'plain' });
  plain.debug('not written');
  plain.info('gear created', { gear: 'abc', note: 'two words', absent: undefined });
  plain.error('failed', { error: new OoError('It broke.', { code: 'X', cause: new Error('below') }) });
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  t.equal(lines.length, 2);
  t.match(lines[0], /^\d{4}-\d\d-\d\dT\S+Z INFO gear created gear=abc note="two words"$/);
  t.match(lines[1], /ERROR failed error="It broke. \(below\)"$/);
  t.equal(statSync(file).mode & 0o777, 0o640);
  const json = openPlatformLog({ file, level: 'DEBUG', format: 'json' });
  json.warn('x', { a: 1 });
  t.match(JSON.parse(readFileSync(file, 'utf8').trim().split('\n')[2] ?? ''), {
    level: 'WARN',
    event: 'x',
    a: 1,
  });
});

t.test('a rotated file is opened anew', async (t) => {
  const file = join(t.testdir({}), 'platform.log');
  const log = openPlatformLog({ file, level: 'INFO', format: 'plain' });
  log.info('one');
  renameSync(file, `${file}.1`);
  log.info('two');
  t.match(readFileSync(file, 'utf8'), /two/);
  t.notMatch(readFileSync(file, 'utf8'), /one/);
});

t.test('secrets are hidden wherever they stand', async (t) => {
  t.match(redactText('CART_PROPERTIES: password=MQMuQz1_S5ng'), /password=\[HIDDEN\]$/);
  t.match(redactText('mysql://admin:s3cret@127.0.0.1:3306/'), /mysql:\/\/admin:\[HIDDEN\]@127/);
  t.notMatch(redactText('OPENSHIFT_MYSQL_DB_PASSWORD="a b" x'), /a b/);
  t.same(redactValue({ '--with-iv': 'x', '--with-token': 'y', list: [{ password: 'z' }], name: 'n' }), {
    '--with-iv': '[HIDDEN]',
    '--with-token': '[HIDDEN]',
    list: [{ password: '[HIDDEN]' }],
    name: 'n',
  });
  t.notOk(isSecretName('--with-ssh-key-comment'));
  t.equal(redactText('no secrets here'), 'no secrets here');
});
