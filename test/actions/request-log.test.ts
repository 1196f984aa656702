import t from 'tap';
import fc from 'fast-check';
import { redactData, redactText } from '../../src/actions/redact.js';
import { requestMeta } from '../../src/actions/request.js';
import { RequestLog } from '../../src/actions/request-log.js';

function logged(write: (log: RequestLog) => void): string {
  let text = '';
  write(new RequestLog({ append: (more) => void (text += more) }));
  return text;
}

t.test('a line says where it comes from', async (t) => {
  t.match(
    logged((log) => log.command('app-create')),
    /^INFO: request-log\.test\.(js|ts):\d+:in 'oo_app_create' COMMAND: oo-app-create\n$/,
  );
  t.match(
    logged((log) => log.command('connector-execute')),
    / COMMAND: connector-execute\n$/,
  );
});

t.test('secrets do not get into it, and everything else does', async (t) => {
  const meta = requestMeta({ uniqid: 'u' }, 'broker');
  const data = {
    args: {
      '--with-iv': 'iviviv',
      '--with-token': 'tokentoken',
      '--with-value': 'valuevalue',
      '--with-password': 'wordword',
      '--with-ssh-key': 'AAAAB3',
      '--input-args': "x 'u'\\=\\'DB_PASSWORD\\=sesame\\;\\ DB_USERNAME\\=alibaba\\;\\ DB_HOST\\=h",
      url: 'mysql://admin:letmein@127.0.253.129:3306/',
    },
    cartridge: 'openshift-origin-node',
    action: 'x',
  };
  const text = logged((log) => {
    log.request('cartridge_do', data, meta);
    log.validation('openshift-origin-node', 'x', data.args);
    log.done(0, 'Root User: boss\nRoot Password: sesame\nusername=boss\nDB_PASSWORD=sesame; DB_HOST=h\n');
  });
  for (const secret of [
    'iviviv',
    'tokentoken',
    'valuevalue',
    'wordword',
    'sesame',
    'alibaba',
    'boss',
    'letmein',
  ]) {
    t.notMatch(text, secret);
  }
  t.match(text, '"--with-ssh-key"=>"AAAAB3"');
  t.match(text, 'DB_HOST=h');
  t.match(text, 'Root User: [HIDDEN]\nRoot Password: [HIDDEN]\nusername=[HIDDEN]\n');
});

t.test('a single quiet job is followed at once, everything else after a blank line', async (t) => {
  const meta = requestMeta({ uniqid: 'u' }, 'broker');
  const job = (action: string): unknown => ({ job: { action, args: {}, cartridge: 'c' }, gear: 'g' });
  const followed = (action: string, data: unknown): string =>
    logged((log) => log.request(action, data, meta)).replace(/[\s\S]*@uniqid="u">/, '');
  const key = job('authorized-ssh-key-add');
  t.equal(followed('execute_parallel', { node: [key], process_results: true }), '\n');
  t.equal(followed('execute_parallel', { node: [key, key] }), '\n\n');
  t.equal(followed('execute_parallel', { one: [key], two: [key] }), '\n\n');
  t.equal(followed('execute_parallel', { node: [job('connector-execute')] }), '\n\n');
  t.equal(followed('cartridge_do', { action: 'app-create' }), '\n\n');
  for (const none of [{}, null, { node: [] }, { node: [null] }, { node: ['x'] }, { node: [{}] }]) {
    t.equal(followed('execute_parallel', none), '\n', JSON.stringify(none));
  }
  t.match(
    logged((log) => log.together()),
    /^INFO: \S+:\d+:in 'execute_parallel_action' execute_parallel_action call - <omitted>\n$/,
  );
});

t.test('the request itself is not changed by it', async (t) => {
  const data = Object.freeze({ args: Object.freeze({ '--with-token': 'secret' }) });
  t.same(redactData(data), { args: { '--with-token': '[HIDDEN]' } });
  t.equal(data.args['--with-token'], 'secret');
  t.equal(
    redactText('The username and password will be the same.'),
    'The username and password will be the same.',
  );
});

t.test('a hook cannot write control characters or a line of the log', async (t) => {
  const text = logged((log) =>
    log.done(0, "a\x1b[2J\rb\u202e\u2028\n------)\nINFO: x:1:in 'y' forged\n\tok\n"),
  );
  t.match(text, 'a\\e[2J\\rb\\u202E\\u2028\n\\------)\n\\INFO: x:1');
  t.match(text, '\n\tok\n');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (output) => {
      const lines = logged((log) => log.done(0, output)).split('\n');
      const own = lines.filter((line) => /^(-{6}|INFO: )/.test(line)).length;
      return own === 3 && !/[^\P{C}\n\t]/u.test(lines.join('\n'));
    }),
    { numRuns: 2000 },
  );
});

t.test('a request cannot write a line of the log either', async (t) => {
  const args = { '--with-app-name': "a\nINFO: x:1:in 'oo_app_destroy' COMMAND: oo-app-destroy" };
  const text = logged((log) => {
    log.validation('openshift-origin-node', 'app-create', args);
    log.executing('/hooks/configure', "'a\nINFO: forged'");
    log.request('cartridge_do', { args }, requestMeta({}, 'broker'));
  });
  t.equal(text.split('\n').filter((line) => line.startsWith('INFO: ')).length, 3);
});

t.test('a log that cannot be written stops nobody', async (t) => {
  const log = new RequestLog({
    append() {
      throw new Error('the disk is full');
    },
  });
  t.doesNotThrow(() => log.command('app-create'));
});
