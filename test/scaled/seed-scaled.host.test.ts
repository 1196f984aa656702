/**
 * The seed's scaled application, from its own text, on one real node: a broker makes it, adds the database, scales it up
 * and down and destroys it; each of its requests that stands in the seed is sent as it stands there and compared to the
 * letter (seed-follower.ts), the others are the steps that the seed leaves out. Between them the application is used.
 */
import t, { type Test } from 'tap';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { callAction } from '../../src/actions/call.js';
import { dumpHost, differences } from '../hosts/dump.js';
import { desk, fetchPage, git, publicKey, run, seedNode, ssh } from '../seed/seed-node.js';
import { Broker } from './broker/broker.js';
import type { Application, BrokerGear } from './broker/application.js';
import { servers } from './proxy-status.js';
import { SeedFollower } from './seed-follower.js';
import { seedAuth, seedKey, seedUuids } from './seed-values.js';

t.setTimeout(900_000);

const ADDRESS = '192.168.59.144';
const host = 'sphpapp-demo.test.example.com';
const node = await seedNode([`--public-ip=${ADDRESS}`]);
// The broker's part that is no node's: the name of the database's gear leads to its node.
appendFileSync('/etc/hosts', `${ADDRESS} ${seedUuids()[2]?.slice(0, 10)}-demo.test.example.com\n`);
const before = await dumpHost();
const rulesBefore = await rules();
const follower = new SeedFollower(node);
const uuids = [...seedUuids()];
const [head, web, database, more] = uuids.map((uuid) => uuid.slice(0, 10));
const broker = new Broker([follower], {
  keys: [seedKey()],
  uuid: () => uuids.shift() ?? '',
  brokerAuth: seedAuth,
  outgoing: follower.replace,
});

async function rules(): Promise<string> {
  const text = await run('/usr/sbin/iptables-save', []);
  return text.replace(/^#.*\n/gm, '').replace(/\[\d+:\d+\]/g, '');
}

/** What was found since, as tests; and the steps that the seed leaves out, which must be these. */
function followed(t: Test, left: readonly (string | undefined)[]): void {
  for (const { what, ok, where } of follower.findings.splice(0)) t.ok(ok, what, { where, diagnostic: !ok });
  t.same(follower.omitted.splice(0), left, 'the steps that the seed leaves out');
}

/** The owner's own key, beside the seed's. */
async function letIn(t: Test, { uuid }: BrokerGear): Promise<void> {
  const [type, key] = publicKey();
  const args = {
    ...{ '--with-container-uuid': uuid, '--with-ssh-key': key, '--with-ssh-key-type': type },
    '--with-ssh-key-comment': 'pat',
  };
  const cartridge = 'openshift-origin-node';
  t.equal(
    (await callAction(node, 'cartridge_do', { cartridge, action: 'authorized-ssh-key-add', args })).exitcode,
    0,
  );
}

/** The bodies of many requests through the front door, each once. */
async function bodies(path = '/'): Promise<readonly string[]> {
  const seen = new Set<string>();
  for (let at = 0; at < 60; at += 1) {
    const page = await fetchPage(host, path);
    if (page.status !== 200) throw new Error(`request ${at}: ${page.status} ${page.body}`);
    seen.add(page.body);
  }
  return [...seen].sort();
}

/** The steps that come again: the database to the web gears, the proxy's two rounds, the database to the head. */
function rounds(...webs: readonly (string | undefined)[]): readonly string[] {
  return [
    ...[`publish-db-connection-info ${database}`, `set-db-connection-info ${webs.join(' ')}`],
    ...[`publish-http-url ${webs.join(' ')}`, `set-proxy ${head}`],
    ...[`publish-gear-endpoint ${webs.join(' ')}`, `set-gear-endpoints ${head}`],
    ...[`publish-db-connection-info ${database}`, `set-db-connection-info ${head}`],
  ];
}

const made = await broker
  .createApplication({ name: 'sphpapp', namespace: 'demo' })
  .catch((error: unknown) => error);
followed(t, [`authorized-ssh-key-add ${head}`, `authorized-ssh-key-add ${web}`]);
if (made instanceof Error) throw made;
const app = made as Application;

await t.test('both gears serve, each by its own port and address', async (t) => {
  const passwd = readFileSync('/etc/passwd', 'utf8');
  const uidOf = ({ uuid }: BrokerGear): string | undefined =>
    new RegExp(`^${uuid}:x:(\\d+)`, 'm').exec(passwd)?.[1];
  t.same(app.gears.map(uidOf), ['507', '508']);
  for (const gear of app.gears) await letIn(t, gear);
  const [first, second] = app.gears as [BrokerGear, BrokerGear];
  const pages = await Promise.all(
    [first, second].map(({ attributes }) =>
      run('/usr/bin/curl', ['-s', `http://${ADDRESS}:${attributes['PROXY_PORT']}/`]),
    ),
  );
  t.match(pages, [/sphpapp/, /sphpapp/], 'through the public ports');
  t.match(await servers(first.uuid), {
    'local-gear': { status: /^UP/ },
    [`gear-${web}-demo`]: { status: /^UP/ },
  });
});

await t.test('the credential is in all gears to the byte, and the keys are', async (t) => {
  const { iv, token } = seedAuth();
  const proxyKey = app.keys.find(({ comment }) => comment === 'haproxy');
  for (const { uuid } of app.gears) {
    const home = `/var/lib/openshift/${uuid}`;
    t.equal(readFileSync(`${home}/.auth/iv`, 'utf8'), iv);
    t.equal(readFileSync(`${home}/.auth/token`, 'utf8'), token);
    const keys = readFileSync(`${home}/.ssh/authorized_keys`, 'utf8');
    t.match(keys, ` ${seedKey().key} OPENSHIFT-${uuid}-default`);
    t.match(keys, ` ${proxyKey?.key} OPENSHIFT-${uuid}-haproxy`);
  }
});

await t.test('a push is served by both', async (t) => {
  await git(desk, 'clone', '-q', `ssh://${app.uuid}@127.0.0.1/~/git/sphpapp.git`, 'sphpapp');
  writeFileSync(
    `${desk}/sphpapp/index.php`,
    [
      '<?php',
      "if (!getenv('OPENSHIFT_MYSQL_DB_HOST')) { echo getenv('OPENSHIFT_GEAR_UUID'), ' has no database'; exit; }",
      "$d = new mysqli(getenv('OPENSHIFT_MYSQL_DB_HOST'), getenv('OPENSHIFT_MYSQL_DB_USERNAME'),",
      "  getenv('OPENSHIFT_MYSQL_DB_PASSWORD'), getenv('OPENSHIFT_APP_NAME'), (int) getenv('OPENSHIFT_MYSQL_DB_PORT'));",
      "echo getenv('OPENSHIFT_GEAR_UUID'), ' ', $d->query('select what from seen')->fetch_row()[0];",
      '',
    ].join('\n'),
  );
  await git(`${desk}/sphpapp`, 'commit', '-q', '-a', '-m', 'Another page');
  await git(`${desk}/sphpapp`, 'push', 'origin', 'HEAD');
  t.same(
    await bodies(),
    app.gears.map(({ uuid }) => `${uuid} has no database`),
  );
});

await t.test('the proxy comes into the other gears with its key, and the gears serve by name', async (t) => {
  const [first, second] = app.gears as [BrokerGear, BrokerGear];
  const said = await ssh(first.uuid, `oo-ssh ${second.uuid}@${ADDRESS} 'echo in $OPENSHIFT_GEAR_UUID'`);
  t.match(said, `in ${second.uuid}`);
  const own = await fetchPage(`${second.name}-demo.test.example.com`);
  t.same([own.status, own.body], [200, `${second.uuid} has no database`]);
});

await t.test('a database is added, and PHP of both gears reads a row of it', async (t) => {
  const gear = await broker.addDatabase(app);
  followed(t, rounds(web).slice(2));
  t.same(gear.attributes, {
    PROXY_HOST: `${database}-demo.test.example.com`,
    ...{ PROXY_PORT: '35576', HOST: '127.0.254.129', PORT: '3306' },
  });
  await letIn(t, gear);
  const client =
    'mysql -h "$OPENSHIFT_MYSQL_DB_HOST" -P "$OPENSHIFT_MYSQL_DB_PORT" -u "$OPENSHIFT_MYSQL_DB_USERNAME" ' +
    '-p"$OPENSHIFT_MYSQL_DB_PASSWORD" "$OPENSHIFT_APP_NAME" -N -e';
  await ssh(gear.uuid, `${client} "create table seen (what text); insert into seen values ('a row')"`);
  t.same(
    await bodies(),
    app.gears.slice(0, 2).map(({ uuid }) => `${uuid} a row`),
  );
});

await t.test('scaled up: the third gear serves, the head steps back', async (t) => {
  const gear = await broker.scaleUp(app);
  followed(t, [`authorized-ssh-key-add ${more} ${more}`, ...rounds(web, more)]);
  t.equal(gear.attributes['PROXY_PORT'], '35581');
  t.same(
    await bodies(),
    app.gears
      .filter(({ kind }) => kind === 'web')
      .map(({ uuid }) => `${uuid} a row`)
      .sort(),
    'with the code of the last push and the database',
  );
  t.match(await servers(app.uuid), {
    [`gear-${web}-demo`]: { status: /^UP/, backup: false },
    [`gear-${more}-demo`]: { status: /^UP/, backup: false },
    'local-gear': { backup: true },
  });
});

await t.test('scaled down: as before', async (t) => {
  const gear = await broker.scaleDown(app);
  followed(t, rounds(web));
  t.equal((await fetchPage(`${gear.name}-demo.test.example.com`)).status, 404);
  t.same(
    await bodies(),
    app.gears.slice(0, 2).map(({ uuid }) => `${uuid} a row`),
  );
  t.notOk(Object.hasOwn(await servers(app.uuid), `gear-${more}-demo`));
});

await t.test('destroyed: the host is as it was', async (t) => {
  await broker.destroyApplication(app);
  followed(t, []);
  t.same(follower.left, [], 'every request of the seed was sent');
  t.equal((await fetchPage(host)).status, 404);
  t.same(differences(before, await dumpHost()), []);
  t.equal(await rules(), rulesBefore);
});
