// Runs inside a disposable host: where an application's first code comes from, and that getting it stays the gear's own
// doing. A git daemon of this host plays the outside.
import { execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  lstatSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { CodeSwap } from '../../src/deploy/code-swap.js';
import { Git, type RunInGear } from '../../src/deploy/git.js';
import { createRepository, removeRepository } from '../../src/deploy/repository.js';
import { executeInGear } from '../../src/gear/execute.js';
import { openGear, type Gear } from '../../src/gear/gear.js';
import { createGear } from '../../src/operations/create.js';
import { hostNode } from '../operations/host-node.js';

const uuid = 'cc9beb39785a45b9b97bdc6951fc8dbf';
const node = await hostNode();
await createGear(node, { uuid, appUuid: uuid, appName: 'phpapp', name: 'phpapp', namespace: 'demo' });
const gear: Gear = openGear(node, uuid);
const repo = `${gear.home}/app-root/runtime/repo`;
const bare = `${gear.home}/git/phpapp.git`;

const outside = '/srv/outside';
mkdirSync(outside, { recursive: true });
async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const socket = connect(port, '127.0.0.1');
    const up = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      once(socket, 'error').then(() => false),
    ]);
    socket.destroy();
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const identity = ['-c', 'user.name=O', '-c', 'user.email=o@example.com', '-c', 'protocol.file.allow=always'];
const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', [...identity, ...args], {
    cwd,
    env: { ...process.env, HOME: outside },
    stdio: 'pipe',
  }).toString();
function source(name: string, branch: string, files: Record<string, string>): void {
  mkdirSync(`${outside}/${name}`);
  git(`${outside}/${name}`, 'init', '-q', '-b', branch);
  for (const [file, text] of Object.entries(files)) writeFileSync(`${outside}/${name}/${file}`, text);
  git(`${outside}/${name}`, 'add', '.');
  git(`${outside}/${name}`, 'commit', '-q', '-m', 'outside');
}
const daemon = spawn('git', [
  'daemon',
  '--reuseaddr',
  '--export-all',
  '--listen=127.0.0.1',
  `--base-path=${outside}`,
  outside,
]);
t.teardown(() => daemon.kill());
await untilListening(9418);
source('lib', 'master', { 'lib.php': 'lib' });
source('app', 'main', { 'index.php': 'main' });
git(`${outside}/app`, 'branch', 'old');
git(`${outside}/app`, 'submodule', '--quiet', 'add', 'git://127.0.0.1/lib', 'vendor/lib');
writeFileSync(`${outside}/app/index.php`, 'newer');

async function fresh(): Promise<void> {
  await removeRepository(node, gear);
  for (const entry of readdirSync(repo)) rmSync(`${repo}/${entry}`, { recursive: true });
}

t.test('an empty repository has no commit and leaves the code as it is', async (t) => {
  await fresh();
  const text = await createRepository(node, gear, { url: 'empty', description: 'php application phpapp' });
  t.equal(text, `Initialized empty Git repository in ${bare}/\n${bare} /tmp\n/tmp\n`);
  t.same(readdirSync(repo), []);
  t.equal(readFileSync(`${bare}/description`, 'utf8'), 'php application phpapp\n');
  t.equal(statSync(`${bare}/HEAD`).uid, gear.uid);
  t.equal(statSync(`${bare}/hooks/post-receive`).uid, 0);
  await t.rejects(createRepository(node, gear, { url: 'empty', description: 'x' }), {
    code: 'ERR_REPOSITORY_EXISTS',
  });
});

t.test('a template becomes one commit, whole, and nothing beside the code stays', async (t) => {
  await fresh();
  const template = `${gear.home}/app-root/data/template`;
  execFileSync('mkdir', ['-p', `${template}/.openshift/action_hooks`]);
  writeFileSync(`${template}/index.php`, 'template');
  writeFileSync(`${template}/.gitignore`, 'ignored\n');
  writeFileSync(`${template}/ignored`, 'in spite of it');
  writeFileSync(`${template}/.openshift/action_hooks/build`, '#!/bin/sh\n', { mode: 0o755 });
  execFileSync('chown', ['-R', `${gear.uid}`, template]);
  await createRepository(node, gear, { template, description: 'x' });
  t.same(readdirSync(repo).sort(), ['.gitignore', '.openshift', 'ignored', 'index.php']);
  t.equal(
    statSync(`${repo}/.openshift/action_hooks/build`).mode & 0o111,
    0o100,
    'executable, under the umask of a gear',
  );
  t.equal(statSync(`${repo}/index.php`).uid, gear.uid);
  t.same(
    readdirSync(`${gear.home}/app-root/runtime`).filter((entry) => entry.startsWith('.repo')),
    [],
  );
});

t.test('a url is cloned, its own branch becomes master, its submodules come along', async (t) => {
  await fresh();
  git(`${outside}/app`, 'add', '.');
  git(`${outside}/app`, 'commit', '-q', '-m', 'newer');
  const text = await createRepository(node, gear, { url: 'git://127.0.0.1/app', description: 'x' });
  t.equal(text, `Cloning git repository from remote 'git://127.0.0.1/app'.\n${bare} /tmp\n/tmp\n`);
  t.equal(readFileSync(`${repo}/index.php`, 'utf8'), 'newer');
  t.equal(readFileSync(`${repo}/vendor/lib/lib.php`, 'utf8'), 'lib');
  t.equal(readFileSync(`${bare}/HEAD`, 'utf8'), 'ref: refs/heads/master\n');
});

t.test('a reference after # is what is deployed', async (t) => {
  await fresh();
  await createRepository(node, gear, { url: 'git://127.0.0.1/app#old', description: 'x' });
  t.equal(readFileSync(`${repo}/index.php`, 'utf8'), 'main');
  await fresh();
  await t.rejects(createRepository(node, gear, { url: 'git://127.0.0.1/app#nowhere', description: 'x' }), {
    exitCode: 131,
    message: /could not be cloned/,
  });
});

t.test(
  'a url that cannot be cloned is 131, a wrong one 130, and no one is asked for a password',
  async (t) => {
    await fresh();
    await t.rejects(createRepository(node, gear, { url: 'git://127.0.0.1/absent', description: 'x' }), {
      exitCode: 131,
      message: /^CLIENT_ERROR: Source code repository could not be cloned: 'git:\/\/127.0.0.1\/absent'/,
    });
    await fresh();
    await t.rejects(createRepository(node, gear, { url: `file://${outside}/app`, description: 'x' }), {
      exitCode: 130,
      message: /protocol must be one of/,
    });
    t.notOk(existsSync(bare), 'a refused url makes nothing');
    const guarded = createServer((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' });
      response.end();
    }).listen(0, '127.0.0.1');
    await once(guarded, 'listening');
    const { port } = guarded.address() as { port: number };
    const began = Date.now();
    await t.rejects(createRepository(node, gear, { url: `http://127.0.0.1:${port}/x`, description: 'x' }), {
      exitCode: 131,
      message: /could not be cloned/,
    });
    t.ok(Date.now() - began < 10_000, 'it did not wait for an answer');
    guarded.close();
  },
);

t.test('a redirect to a file of this host, and a submodule that is one, are refused', async (t) => {
  await fresh();
  const evil = createServer((_request, response) => {
    response.writeHead(302, { location: `file://${outside}/app/info/refs` });
    response.end();
  }).listen(0, '127.0.0.1');
  await once(evil, 'listening');
  const { port } = evil.address() as { port: number };
  await t.rejects(createRepository(node, gear, { url: `http://127.0.0.1:${port}/x`, description: 'x' }), {
    exitCode: 131,
    message: /could not be cloned/,
  });
  evil.close();
  await fresh();
  source('trick', 'master', { 'index.php': 'trick' });
  git(`${outside}/trick`, 'submodule', '--quiet', 'add', `file://${outside}/lib`, 'lib');
  git(`${outside}/trick`, 'commit', '-q', '-m', 'trick');
  await t.rejects(createRepository(node, gear, { url: 'git://127.0.0.1/trick', description: 'x' }), {
    message: /protocol|not allowed|transport/,
  });
});

t.test("a program that the tenant's repository names is run by git as the tenant, confined", async (t) => {
  await fresh();
  await createRepository(node, gear, { url: 'git://127.0.0.1/app#old', description: 'x' });
  const data = `${gear.home}/app-root/data`;
  mkdirSync(`${data}/hooks`);
  const hook = `#!/bin/sh\n{ id -u; grep NoNewPrivs /proc/self/status; } > ${data}/proof\n`;
  writeFileSync(`${data}/hooks/post-index-change`, hook, { mode: 0o755 });
  const run: RunInGear = (command) => executeInGear(node, gear, command);
  await new Git(run, bare).output(['config', 'core.hooksPath', `${data}/hooks`]);
  const swap = new CodeSwap(gear.home);
  mkdirSync(`${data}/tree`);
  chownSync(`${data}/tree`, gear.uid, gear.gid);
  await new Git(run, bare).checkOut('refs/heads/master', `${data}/tree`, swap.index);
  t.equal(readFileSync(`${data}/proof`, 'utf8'), `${gear.uid}\nNoNewPrivs:\t1\n`);
  await removeRepository(node, gear);
  t.notOk(existsSync(bare));
});

t.test(
  'what a tenant has planted beside the code never leads root elsewhere nor keeps the repository from going',
  async (t) => {
    await fresh();
    await createRepository(node, gear, { url: 'empty', description: 'x' });
    const precious = `${outside}/precious`;
    mkdirSync(precious);
    writeFileSync(`${precious}/kept`, 'kept');
    const runtime = `${gear.home}/app-root/runtime`;
    const deployments = `${gear.home}/app-deployments`;
    for (const name of ['.repo-coming', '.repo-former', '.repo-index', '.deploy_lock'])
      symlinkSync(precious, `${runtime}/${name}`);
    mkdirSync(`${runtime}/.repo-index.lock/deep`, { recursive: true });
    rmSync(`${deployments}/by-id`, { recursive: true });
    symlinkSync(precious, `${deployments}/by-id`);
    symlinkSync(precious, `${deployments}/2013-02-27_09-53-37.000`);
    rmSync(bare, { recursive: true });
    symlinkSync(precious, bare);
    await removeRepository(node, gear);
    t.equal(readFileSync(`${precious}/kept`, 'utf8'), 'kept');
    t.same(
      readdirSync(runtime).filter((name) => /^\.(repo|deploy)/.test(name)),
      [],
    );
    t.same(readdirSync(deployments), ['by-id'], 'as at birth');
    t.ok(lstatSync(`${deployments}/by-id`).isDirectory());
    t.same(readdirSync(`${gear.home}/git`), []);
  },
);
