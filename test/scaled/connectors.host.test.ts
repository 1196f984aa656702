/**
 * The seed's connector jobs on real PHP gears, sent as they stand: what is published, what reaches the environment of
 * hooks, of SSH sessions and of a PHP that runs, what takes it away again, and what is refused.
 */
import t from 'tap';
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { callAction } from '../../src/actions/call.js';
import { escapeWord, splitWords } from '../../src/actions/words.js';
import { openGear } from '../../src/gear/gear.js';
import { executeInGear } from '../../src/gear/execute.js';
import { gearEnvironment } from '../../src/gear/environment.js';
import { readPublished } from '../../src/gear/published.js';
import { openNode } from '../../src/node/node.js';
import { command, fetchPage, run } from '../seed/seed-node.js';
import { seedConnector, seedParallel, type Job } from './seed-jobs.js';

t.setTimeout(300_000);

const php = /^PHP (\d+\.\d+)/.exec(await run('/usr/bin/php', ['--version']))?.[1] ?? '';
await run(command('oo-admin-node-setup'), [
  '--public-hostname=broker.test.example.com',
  '--public-ip=192.168.59.144',
  '--cloud-domain=test.example.com',
  '--min-uid=507',
  `--alias=php-5.3=php-${php}`,
  '--start',
]);
const node = await openNode();
const DUMMY = 'openshift-origin-node';
const head = '16f54529c1fa436981fce29b0499c0b6';
const child = 'f81fb70064064a35a9a25169481d490b';

async function cartridgeDo(cartridge: string, action: string, args: unknown): Promise<void> {
  const reply = await callAction(node, 'cartridge_do', { cartridge, action, args });
  t.equal(reply.exitcode, 0, `${action} ${cartridge}: ${JSON.stringify(reply.output)}`);
}

interface Done {
  readonly result_exit_code: number;
  readonly result_stdout: string;
  readonly result_stderr: string;
}

async function connector(args: Readonly<Record<string, unknown>>): Promise<Done> {
  const job = {
    tag: '',
    job: { args, cartridge: DUMMY, action: 'connector-execute' },
    gear: args['--gear-uuid'],
  };
  const reply = await callAction(node, 'execute_parallel', { 'broker.test.example.com': [job] });
  const [done] = reply.output as readonly Done[];
  if (done === undefined) throw new Error(`no job came back: ${JSON.stringify(reply)}`);
  const { result_exit_code, result_stdout, result_stderr } = done;
  return { result_exit_code, result_stdout, result_stderr };
}

const fine = (text: string): Done => ({ result_exit_code: 0, result_stdout: text, result_stderr: '' });

for (const [uuid, name] of [
  [head, 'sphpapp'],
  [child, 'f81fb70064'],
] as const) {
  await cartridgeDo(DUMMY, 'app-create', {
    '--with-container-uuid': uuid,
    '--with-app-uuid': head,
    '--with-app-name': 'sphpapp',
    '--with-container-name': name,
    '--with-namespace': 'demo',
  });
}
await cartridgeDo('php-5.3', 'configure', `'f81fb70064' 'demo' '${child}'`);
const gear = openGear(node, child);

await t.test('publishers answer what the seed shows', async (t) => {
  const url = seedConnector('publish-http-url');
  const early = await connector(url.args);
  t.match(early, { result_exit_code: 1, result_stderr: /is not exposed/ });
  t.equal(early.result_stdout, early.result_stderr);
  await cartridgeDo('php-5.3', 'expose-port', `'f81fb70064' 'demo' '${child}'`);
  t.same(await connector(url.args), fine(url.exchange.output ?? ''));
  const endpoint = seedConnector('publish-gear-endpoint');
  t.same(await connector(endpoint.args), fine(endpoint.exchange.output ?? ''));
});

await t.test("the broker's key reaches both gears byte for byte", async (t) => {
  const { data } = seedParallel('broker-auth-key-add').request;
  const reply = await callAction(node, 'execute_parallel', data);
  const jobs = data['broker.test.example.com'] as readonly Job[];
  t.equal(jobs.length, 2);
  t.same(
    reply.output,
    jobs.map((job) => ({ ...job, result_exit_code: 0, result_stdout: '', result_stderr: '' })),
  );
  for (const { gear: uuid, job } of jobs) {
    const { home, gid } = openGear(node, uuid);
    for (const name of ['iv', 'token'] as const) {
      const file = `${home}/.auth/${name}`;
      t.equal(readFileSync(file, 'latin1'), job.args[`--with-${name}`], `${name} of ${uuid}`);
      const { mode, uid, gid: group } = statSync(file);
      t.same([mode & 0o777, uid, group], [0o640, 0, gid], 'which the gear can read and not change');
    }
  }
  t.match(jobs[0]?.job.args['--with-iv'], /^(.{60}\n){5}.+==\n$/, 'newlines included');
});

await t.test('what no cartridge answers is empty', async (t) => {
  for (const hook of ['publish-db-connection-info', 'set-proxy', 'no-such-hook', '../bin/control'])
    t.same(
      await connector({ ...seedConnector('publish-http-url').args, '--hook-name': hook }),
      fine(''),
      hook,
    );
});

/** What PHP sees of a variable, asked for in both ways. */
async function seen(name: string): Promise<{ readonly status: number; readonly values: readonly unknown[] }> {
  const { status, body } = await fetchPage('f81fb70064-demo.test.example.com', `/look.php?${name}`);
  return { status, values: status === 200 ? (JSON.parse(body) as unknown[]) : [] };
}

const PASSWORD = 'OPENSHIFT_MYSQL_DB_PASSWORD';
const LOOK =
  '<?php $n = $_SERVER["QUERY_STRING"]; $v = getenv($n); echo json_encode([$v === false ? null : $v, $_SERVER[$n] ?? null]);';
/** A page of the application, as its owner would put it there. */
async function write(name: string, code: string): Promise<void> {
  const { exitCode } = await executeInGear(node, gear, {
    file: '/bin/bash',
    argv: ['bash', '-c', 'printf %s "$2" >"app-root/runtime/repo/$1"', 'bash', name, code],
  });
  t.equal(exitCode, 0);
}
await write('look.php', LOOK);

await t.test("the seed's connection info reaches hooks and a running PHP, once", async (t) => {
  const { args } = seedConnector('set-db-connection-info');
  t.same(await connector(args), fine(''));
  const published = readPublished(gear, 'published');
  t.equal(Object.keys(published).length, 8);
  t.equal(published['OPENSHIFT_MYSQL_DB_PORT'], '35576');
  t.match(gearEnvironment(node, gear), published);
  for (const [name, value] of Object.entries(published))
    t.same(await seen(name), { status: 200, values: [value, value] }, name);
  const site = `${gear.home}/php-5.3/run/site.conf`;
  t.equal(statSync(site).mode & 0o777, 0o600, "the file with the password is the gear's alone");
  t.equal(statSync(site).uid, gear.uid);
  const { ino } = statSync(site);
  t.same(await connector(args), fine(''), 'again');
  t.equal(statSync(site).ino, ino, 'and nothing is reloaded for it');
});

/** The same publication with another password, escaped as the broker does. */
function withPassword(password: string): Readonly<Record<string, string>> {
  const { args } = seedConnector('set-db-connection-info');
  const [name = '', namespace = '', uuid = '', word = ''] = splitWords(args['--input-args'] ?? '');
  const changed = escapeWord(word.replace(/(?<=DB_PASSWORD=)[^;]*/, () => password));
  return { ...args, '--input-args': [name, namespace, uuid, changed].join(' ') };
}

await t.test('values of any characters reach PHP as they are', async (t) => {
  for (const value of [
    'a"b',
    'a\\b\\',
    '$HOME ${HOME} ${dollar}',
    '`id` $(id)',
    '#% <IfModule>',
    'zwölf €',
    '&&',
    '',
  ]) {
    t.same(await connector(withPassword(value)), fine(''), value);
    t.same(await seen(PASSWORD), { status: 200, values: [value, value] }, value);
  }
});

await t.test(
  'a reload loses no request, and each sees an old or the new value',
  { timeout: 120_000 },
  async (t) => {
    const allowed = new Set<unknown>(['']);
    const wrong: unknown[] = [];
    let asked = 0;
    let going = true;
    const client = async (): Promise<void> => {
      while (going) {
        try {
          const { status, values } = await seen(PASSWORD);
          if (status !== 200 || values[0] !== values[1] || !allowed.has(values[0]))
            wrong.push({ status, values });
        } catch (error) {
          wrong.push(error);
        }
        asked += 1;
        await sleep(4);
      }
    };
    const clients = Promise.all(Array.from({ length: 4 }, client));
    for (let round = 0; round < 12; round += 1) {
      allowed.add(`password${round}`);
      t.same(await connector(withPassword(`password${round}`)), fine(''));
      t.equal((await seen(PASSWORD)).values[0], `password${round}`, 'the next request sees it');
    }
    going = false;
    await clients;
    t.same(wrong, []);
    t.ok(asked > 200, `${asked} requests`);
  },
);

await t.test('a request that takes long is answered by the worker that has it', async (t) => {
  // A reload wakes who sleeps.
  await write(
    'slow.php',
    `<?php $end = microtime(true) + 5; while (microtime(true) < $end) usleep(10000); echo getenv("${PASSWORD}");`,
  );
  t.same(await connector(withPassword('before')), fine(''));
  const slow = fetchPage('f81fb70064-demo.test.example.com', '/slow.php');
  await sleep(300);
  t.same(await connector(withPassword('after')), fine(''));
  t.equal((await seen(PASSWORD)).values[0], 'after');
  let ended = false;
  void slow.then(() => (ended = true));
  await sleep(0);
  t.notOk(ended, 'it is still being answered');
  t.same(await slow, { status: 200, body: 'before' });
});

await t.test('env-var-remove takes it away', async (t) => {
  await cartridgeDo(DUMMY, 'env-var-remove', {
    '--with-container-uuid': child,
    '--with-key': 'OPENSHIFT_MYSQL_DB_PASSWORD',
  });
  t.equal(gearEnvironment(node, gear)['OPENSHIFT_MYSQL_DB_PASSWORD'], undefined);
  t.equal(Object.keys(readPublished(gear, 'published')).length, 7);
});

const connection = (text: string, more: Readonly<Record<string, unknown>> = {}) => ({
  '--gear-uuid': child,
  '--cart-name': 'php-5.3',
  '--hook-name': 'set-env',
  '--connection-type': 'ENV:NET_TCP:db:connection-info',
  '--publishing-cart-name': 'mysql-5.1',
  '--input-args': ['f81fb70064', 'demo', child, { [head]: text }],
  ...more,
});

await t.test('a connection of type ENV: has a folder for its publisher', async (t) => {
  const said = fine('Set environment variables successfully');
  t.same(await connector(connection("URL_OF_IT=mysql://a:b@c/?x=1;y='2'\nSECOND=2\n")), said);
  t.same(readPublished(gear, 'mysql'), { SECOND: '2', URL_OF_IT: "mysql://a:b@c/?x=1;y='2'" });
  t.equal((await seen('URL_OF_IT')).values[0], "mysql://a:b@c/?x=1;y='2'");
  t.same(await connector(connection('', { '--publishing-cart-name': '' })), fine(''), 'without a publisher');
  t.same(
    await connector(connection('C=1', { '--hook-name': 'publish-http-url-of' })),
    fine(''),
    'no such hook',
  );
  t.equal(gearEnvironment(node, gear)['C'], undefined);
});

await t.test("names that steer programs or are the node's own are refused, and nothing is set", async (t) => {
  const before = gearEnvironment(node, gear);
  for (const name of [
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'PATH',
    'BASH_ENV',
    'ENV',
    'IFS',
    'PYTHONPATH',
    'GIT_SSH_COMMAND',
    'HOME',
    'USER',
    'OPENSHIFT_GEAR_UUID',
    'OPENSHIFT_APP_NAME',
    'OPENSHIFT_APP_SSH_KEY',
    'OPENSHIFT_HOMEDIR',
    'OPENSHIFT_REPO_DIR',
    'OPENSHIFT_PRIMARY_CARTRIDGE_DIR',
    'OPENSHIFT_CARTRIDGE_SDK_BASH',
    'OPENSHIFT_BROKER_HOST',
    'OPENSHIFT_SECRET_TOKEN',
    'OPENSHIFT_X_PATH_ELEMENT',
    'OPENSHIFT_X_IDENT',
    '../X',
    'a-b',
    '1A',
  ]) {
    const refused = await connector(connection(`FINE=1\n${name}=x\n`));
    t.equal(refused.result_exit_code, 255, name);
    t.match(refused.result_stderr, /Nothing was changed\.\n$/, name);
  }
  t.equal(
    (await connector(connection(`FINE=${'x'.repeat(32_769)}`))).result_exit_code,
    255,
    'a value too long',
  );
  for (const publisher of ['user_vars', '../x', '.x', 'a/b'])
    t.not(
      (await connector(connection('FINE=1', { '--publishing-cart-name': publisher }))).result_exit_code,
      0,
    );
  t.same(gearEnvironment(node, gear), before);
});

await t.test("what the gear's own cartridges say stays", async (t) => {
  const own = gearEnvironment(node, gear)['OPENSHIFT_PHP_IP'];
  t.equal((await connector(connection('OPENSHIFT_PHP_IP=192.0.2.1\nTHIRD=3'))).result_exit_code, 0);
  t.equal(gearEnvironment(node, gear)['OPENSHIFT_PHP_IP'], own);
  t.equal(gearEnvironment(node, gear)['THIRD'], '3');
});

await t.test('the end of a subscription takes back what that cartridge published', async (t) => {
  const names = { '--with-container-uuid': child, '--cart-name': 'php-5.3' };
  t.not((await seen('SECOND')).values[0], null);
  await cartridgeDo(DUMMY, 'unsubscribe', { ...names, '--publishing-cart-name': 'mysql-5.1' });
  t.same(readPublished(gear, 'mysql'), {});
  t.same((await seen('SECOND')).values, [null, null], 'for a running PHP too');
  t.equal(Object.keys(readPublished(gear, 'published')).length, 7, 'and of no other');
  await cartridgeDo(DUMMY, 'unsubscribe', { ...names, '--publishing-cart-name': 'mysql-5.1' });
  t.equal((await connector(connection('SECOND=2'))).result_exit_code, 0);
});

await t.test('an application that is stopped stays so', async (t) => {
  await cartridgeDo('php-5.3', 'stop', `'f81fb70064' 'demo' '${child}'`);
  t.same(await connector(withPassword('later')), fine(''));
  t.not((await seen(PASSWORD)).status, 200);
  await cartridgeDo('php-5.3', 'start', `'f81fb70064' 'demo' '${child}'`);
  t.equal((await seen(PASSWORD)).values[0], 'later');
});

await t.test('with its last subscriber what was published to a gear goes', async (t) => {
  await cartridgeDo('php-5.3', 'deconfigure', `'f81fb70064' 'demo' '${child}'`);
  t.same(readPublished(gear, 'published'), {});
  t.same(readPublished(gear, 'mysql'), {});
});
