/**
 * The seed's simple application, from its own text, answered by a real node: each request taken out of the text, sent
 * through the action table, each reply and the whole log compared to the letter; between them the application is used
 * as its owner would.
 */
import t from 'tap';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { callAction } from '../../src/actions/call.js';
import type { ActionReply } from '../../src/actions/request.js';
import { dumpHost, differences } from '../hosts/dump.js';
import { firstDifference, logPattern, outputPattern } from './expected.js';
import { actionsLog, desk, fetchPage, git, publicKey, seedNode, ssh } from './seed-node.js';
import { exchanges, seedText, simplePart, type SeedExchange } from './seed-text.js';

t.setTimeout(600_000);

const all = exchanges(simplePart(seedText()));
const [create, addKey, php, mysql, destroy] = all as [
  SeedExchange,
  SeedExchange,
  SeedExchange,
  SeedExchange,
  SeedExchange,
];
const DUMMY = 'openshift-origin-node';
const uuid = String((create.request.data['args'] as Record<string, unknown>)['--with-container-uuid']);
const host = 'phpapp-demo.test.example.com';

t.equal(all.length, 5, 'the simple application is five requests');
const node = await seedNode();
const before = await dumpHost();

/** Sends a request of the seed as it stands, and compares the log it leaves. */
async function replay(exchange: SeedExchange): Promise<ActionReply> {
  const { action, data, ...meta } = exchange.request;
  const start = actionsLog().length;
  const reply = await callAction(node, action, data, meta);
  const log = actionsLog().slice(start);
  const pattern = logPattern(exchange);
  t.ok(pattern.test(log), `the log of ${action} ${String(data['action'] ?? '')}`, {
    diagnostic: !pattern.test(log),
    where: firstDifference(log, pattern),
  });
  return reply;
}

function sameOutput({ output, exitcode, statuscode }: ActionReply, exchange: SeedExchange): void {
  t.equal(exitcode, 0);
  t.equal(statuscode, 0);
  t.match(output, outputPattern(exchange), 'the reply');
}

/** An action that is not the seed's. */
async function act(cartridge: string, action: string, args: unknown): Promise<ActionReply> {
  return callAction(node, 'cartridge_do', { cartridge, action, args });
}

await t.test('an empty gear is made', async (t) => {
  sameOutput(await replay(create), create);
  t.match(readFileSync('/etc/passwd', 'utf8'), new RegExp(`^${uuid}:x:507:507:`, 'm'), 'with the lowest uid');
});

await t.test('a key is added by a job of execute_parallel', async (t) => {
  const reply = await replay(addKey);
  t.equal(reply.exitcode, 0);
  const jobs = addKey.request.data['broker.test.example.com'] as readonly Record<string, unknown>[];
  t.same(
    reply.output,
    jobs.map((job) => ({ ...job, result_exit_code: 0, result_stdout: '', result_stderr: '' })),
  );
  const [type, key] = publicKey();
  const own = await act(DUMMY, 'authorized-ssh-key-add', {
    '--with-container-uuid': uuid,
    '--with-ssh-key': key,
    '--with-ssh-key-type': type,
    '--with-ssh-key-comment': 'pat',
  });
  t.equal(own.exitcode, 0);
});

await t.test('PHP is put in, and a page comes through the front door', async (t) => {
  t.equal((await fetchPage(host)).status, 404, 'before there is an application, there is no page');
  sameOutput(await replay(php), php);
  const page = await fetchPage(host);
  t.equal(page.status, 200);
  t.match(page.body, /phpapp/);
  t.equal((await fetchPage('other-demo.test.example.com')).status, 404, 'another name leads nowhere');
});

await t.test('a database is added, and a row is written and read through the environment', async (t) => {
  sameOutput(await replay(mysql), mysql);
  const client =
    'mysql -h "$OPENSHIFT_MYSQL_DB_HOST" -P "$OPENSHIFT_MYSQL_DB_PORT" -u "$OPENSHIFT_MYSQL_DB_USERNAME" ' +
    '-p"$OPENSHIFT_MYSQL_DB_PASSWORD" "$OPENSHIFT_APP_NAME" -N -e';
  await ssh(uuid, `${client} "create table seen (what text); insert into seen values ('a row of the gear')"`);
  t.match(await ssh(uuid, `${client} "select what from seen"`), /a row of the gear/);
  t.match(await ssh(uuid, 'echo $OPENSHIFT_MYSQL_DB_HOST:$OPENSHIFT_MYSQL_DB_PORT'), '127.0.253.129:3306');
});

await t.test('a changed page is pushed over SSH and served', async (t) => {
  await git(desk, 'clone', '-q', `ssh://${uuid}@127.0.0.1/~/git/phpapp.git`, 'phpapp');
  writeFileSync(`${desk}/phpapp/index.php`, '<?php echo "pushed: ", 6 * 7;\n');
  await git(`${desk}/phpapp`, 'commit', '-q', '-a', '-m', 'Another page');
  const said = await git(`${desk}/phpapp`, 'push', 'origin', 'HEAD');
  t.match(said, /remote: .*\S/, 'the pusher sees what happens');
  t.same(await fetchPage(host), { status: 200, body: 'pushed: 42' });
});

await t.test('a request delivered twice has its effect once', async (t) => {
  const { action, data, ...meta } = create.request;
  const again = await callAction(node, action, data, meta);
  t.equal(again.exitcode, 0, 'the second delivery is answered as the first');
  const fresh = await callAction(node, action, data, { ...meta, uniqid: 'another' });
  t.equal(fresh.exitcode, 129, 'another request for the same gear is not');
});

await t.test('a cartridge of the old layout goes from configure to deconfigure', async (t) => {
  const folder = `${node.config.cartridgeBasePath}/embedded/cron-1.4/info/hooks`;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const action of ['configure', 'start', 'status', 'stop', 'deconfigure']) {
    const text = `#!/bin/bash\necho "CLIENT_RESULT: ${action} $1 $2 $3 as $(id -un)"\necho to stderr >&2\n`;
    writeFileSync(`${folder}/${action}`, text, { mode: 0o755 });
  }
  const args = `'phpapp' 'demo' '${uuid}'`;
  for (const action of ['configure', 'start', 'status', 'stop', 'deconfigure']) {
    const start = actionsLog().length;
    const reply = await act('embedded/cron-1.4', action, args);
    t.equal(reply.exitcode, 0, action);
    t.equal(reply.output, `CLIENT_RESULT: ${action} phpapp demo ${uuid} as root\nto stderr\n`);
    t.match(
      actionsLog().slice(start),
      `handle_cartridge_action executing /usr/bin/runcon -l s0-s0:c0.c1023 ${folder}/${action} ${args} 2>&1\n`,
    );
  }
  const missing = await act('embedded/cron-1.4', 'expose-port', args);
  t.same([missing.exitcode, missing.output], [127, "ERROR: action 'expose-port' not found.\n"]);
});

await t.test('the application is destroyed, and the next gear gets its uid', async (t) => {
  sameOutput(await replay(destroy), destroy);
  t.notMatch(readFileSync('/etc/passwd', 'utf8'), uuid);
  t.equal((await fetchPage(host)).status, 404);
  // The group in which hooks of the old layout run is the node's own, and stays.
  const left = differences(before, await dumpHost()).filter(
    (line) => !/^\+ cgroup \S+\/openshift\/\.node empty/.test(line),
  );
  t.same(left, [], 'the host is as it was');
  const { action, data, ...meta } = create.request;
  const next = await callAction(node, action, data, { ...meta, uniqid: 'the next' });
  t.equal(next.exitcode, 0);
  t.match(readFileSync('/etc/passwd', 'utf8'), new RegExp(`^${uuid}:x:507:507:`, 'm'), '507 again');
  t.match(await act(DUMMY, 'app-destroy', { '--with-container-uuid': uuid }), { exitcode: 0, output: '' });
});
