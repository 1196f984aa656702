/** The project's own cartridges, with the real Apache, PHP and MariaDB, in the real confinement of a gear. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import t from 'tap';
import { kill, processes } from '../../src/host/cgroup.js';
import { executeInGear } from '../../src/gear/execute.js';
import { groupPath } from '../../src/gear/limits.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { differences, dumpHost } from '../hosts/dump.js';
import { act, cartridgeNode, emptyGear, uuid } from './cartridge-node.js';

const node = await cartridgeNode();
const gear = await emptyGear(node);
const { home } = gear;
const ip = '127.0.253.129';

function page(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: ip, port: 8080, path, headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** As the gear, in its confinement, with its environment: what a person does over SSH. */
async function inGear(script: string): Promise<string> {
  const { stdout, stderr } = await executeInGear(node, gear, {
    file: '/bin/bash',
    argv: ['bash', '-c', script],
  });
  return stdout.toString() + stderr.toString();
}

const running = (): string[] =>
  processes(node.cgroups, groupPath(node, uuid))
    .map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim())
    .sort();

await t.test('php with an empty repository is not started, and goes again without a trace', async (t) => {
  const before = await dumpHost();
  const { output, exitCode } = await act(node, 'php-5.3', 'configure', ['empty']);
  t.equal(exitCode, 0);
  t.match(output, /^CLIENT_MESSAGE: An empty Git repository has been created for your application\./m);
  t.equal(readFileSync(`${home}/app-root/runtime/.state`, 'utf8'), 'new\n');
  t.same(running(), []);
  t.equal((await act(node, 'php-5.3', 'deconfigure')).exitCode, 0);
  const left = differences(before, await dumpHost()).filter(
    (line) => !/\.gitconfig|\/\.state|OPENSHIFT_NAMESPACE/.test(line),
  );
  t.same(left, []);
  const refused = await act(node, 'php-5.3', 'configure', ['gopher://example.com/x']).catch(
    (error: unknown) => error,
  );
  t.match(refused, { exitCode: 130 });
  t.notOk(statSync(`${home}/php-5.3`, { throwIfNoEntry: false }), 'a bad url leaves nothing');
});

await t.test('php: the three lines, the page, the code of the template', async (t) => {
  const result = await act(node, 'php-5.3', 'configure');
  const git = `${home}/git/phpapp.git`;
  t.same(result, {
    exitCode: 0,
    output: `Initialized empty Git repository in ${git}/\n${git} /tmp\n/tmp\n`,
  });
  const front = await page('/');
  t.equal(front.status, 200);
  t.match(front.body, /Welcome to phpapp/);
  t.same(await page('/health.php'), { status: 200, body: '1\n' });
  t.equal((await page('/.git/config')).status, 403);
  t.match(
    await inGear('git --git-dir=$OPENSHIFT_HOMEDIR/git/phpapp.git log --format="%an %s"'),
    /^Template builder Creating template\n$/,
  );
});

await t.test('php: settings, environment and addresses are those of the gear', async (t) => {
  const code = [
    '<?php echo json_encode([get_current_user(), posix_getuid(), php_ini_loaded_file(), ini_get("session.save_path"),',
    '  getenv("OPENSHIFT_APP_NAME"), $_SERVER["OPENSHIFT_APP_NAME"], $_SERVER["REMOTE_ADDR"], $_SERVER["HTTPS"] ?? null,',
    '  extension_loaded("pdo_mysql"), is_writable("/etc"), is_writable(sys_get_temp_dir())]);',
  ].join('\n');
  await inGear(
    `mkdir app-root/runtime/repo/public; cat > app-root/runtime/repo/public/look.php <<'X'\n${code}\nX`,
  );
  await inGear(
    `echo 'RewriteEngine On\nRewriteRule ^nice$ look.php' > app-root/runtime/repo/public/.htaccess`,
  );
  t.equal((await act(node, 'php-5.3', 'reload')).exitCode, 0);
  const { body } = await page('/nice', { 'X-Forwarded-For': '203.0.113.7', 'X-Forwarded-Proto': 'https' });
  t.same(JSON.parse(body), [
    gear.uuid,
    gear.uid,
    `${home}/php-5.3/conf/php.ini`,
    `${home}/php-5.3/sessions`,
    'phpapp',
    'phpapp',
    '203.0.113.7',
    'on',
    true,
    false,
    true,
  ]);
});

await t.test('mysql: the sixteen lines, and the account they speak of', async (t) => {
  const { output, exitCode } = await act(node, 'embedded/mysql-5.1', 'configure');
  t.equal(exitCode, 0);
  const password = /Root Password: ([A-Za-z0-9_-]{12})$/m.exec(output)?.[1] ?? '';
  t.same(output.split('\n'), [
    'CLIENT_RESULT: ',
    'CLIENT_RESULT: MySQL 5.1 database added.  Please make note of these credentials:',
    'CLIENT_RESULT: ',
    'CLIENT_RESULT:    Root User: admin',
    `CLIENT_RESULT:    Root Password: ${password}`,
    'CLIENT_RESULT:    Database Name: phpapp',
    'CLIENT_RESULT: ',
    'CLIENT_RESULT: Connection URL: mysql://$OPENSHIFT_MYSQL_DB_HOST:$OPENSHIFT_MYSQL_DB_PORT/',
    'CLIENT_RESULT: ',
    'CLIENT_RESULT: You can manage your new MySQL database by also embedding phpmyadmin-3.4.',
    'CLIENT_RESULT: The phpmyadmin username and password will be the same as the MySQL credentials above.',
    `CART_PROPERTIES: connection_url=mysql://${ip}:3306/`,
    'CART_PROPERTIES: username=admin',
    `CART_PROPERTIES: password=${password}`,
    'CART_PROPERTIES: database_name=phpapp',
    `APP_INFO: Connection URL: mysql://${ip}:3306/`,
    '',
  ]);
  const sql =
    'create table t (x int); insert into t values (42); select x from t; select group_concat(user, "@", host order by host) from mysql.user where user <> "mariadb.sys"';
  const connect =
    'mariadb --no-defaults --skip-column-names -u$OPENSHIFT_MYSQL_DB_USERNAME -p$OPENSHIFT_MYSQL_DB_PASSWORD phpapp';
  t.equal(
    await inGear(`${connect} -h$OPENSHIFT_MYSQL_DB_HOST -P$OPENSHIFT_MYSQL_DB_PORT -e '${sql}'`),
    '42\nadmin@%,admin@localhost\n',
  );
  t.equal(await inGear(`${connect} -S$OPENSHIFT_MYSQL_DB_SOCKET -e 'select x from t'`), '42\n');
  t.match(await inGear('mariadb --no-defaults -uroot -S$OPENSHIFT_MYSQL_DB_SOCKET'), /Access denied/);
  t.equal(statSync(`${home}/mysql-5.1/env/OPENSHIFT_MYSQL_DB_PASSWORD`).mode & 0o007, 0);
  t.same(readdirSync(`${home}/mysql-5.1/pid`), ['mysql.pid'], 'the password is in no other file');
});

await t.test('start, stop, restart and status of each', async (t) => {
  t.match((await act(node, 'php', 'start')).output, /^httpd \(pid \d+\) already running\n$/);
  for (const [name, yes, no] of [
    ['php-5.3', 'Application is running', 'Application is either stopped or inaccessible'],
    ['mysql-5.1', 'MySQL is running', 'MySQL is either stopped or inaccessible'],
  ] as const) {
    t.equal((await act(node, name, 'restart')).exitCode, 0);
    t.match((await act(node, name, 'status')).output, yes);
    t.equal((await act(node, name, 'stop')).exitCode, 0);
    t.match((await act(node, name, 'status')).output, no);
    t.equal((await act(node, name, 'stop')).exitCode, 0, 'twice is once');
    t.same(await act(node, name, 'start'), { output: '', exitCode: 0 });
  }
  t.same([...new Set(running())], ['apache2', 'mariadbd', 'rotatelogs']);
});

await t.test('after a kill of everything both start again and the row is there', async (t) => {
  await kill(node.cgroups, groupPath(node, uuid));
  t.same(await act(node, 'mysql-5.1', 'start'), { output: '', exitCode: 0 });
  t.same(await act(node, 'php-5.3', 'start'), { output: '', exitCode: 0 });
  t.match(
    await inGear(
      'MYSQL_PWD=$OPENSHIFT_MYSQL_DB_PASSWORD mariadb --no-defaults -N -uadmin -S$OPENSHIFT_MYSQL_DB_SOCKET phpapp -e "select x from t"',
    ),
    /^42\n$/,
  );
  t.equal((await page('/')).status, 404, 'no index in public/');
});

await t.test('an address on which somebody listens is passed over', async (t) => {
  await act(node, 'mysql-5.1', 'deconfigure');
  const stranger = createServer();
  await new Promise<void>((resolve) => stranger.listen(3306, ip, resolve));
  const { output } = await act(node, 'mysql-5.1', 'configure');
  t.match(output, /connection_url=mysql:\/\/127\.0\.253\.130:3306\//);
  stranger.close();
});

await t.test('destroy names the variables in order and leaves nothing', async (t) => {
  const { output } = await destroyGear(node, { uuid });
  const names = ['GEAR_DNS', 'GEAR_UUID', 'HOST', 'PASSWORD', 'PORT', 'SOCKET', 'URL', 'USERNAME'];
  const lines = ['OPENSHIFT_DB', 'OPENSHIFT_MYSQL_DB'].flatMap((prefix) =>
    names.map((name) => `APP_ENV_VAR_REMOVE: ${prefix}_${name}\n`),
  );
  t.equal(output, lines.join(''));
  t.notOk(statSync(home, { throwIfNoEntry: false }));
});
