// A push on a real repository with a played application: the order of steps, what the pusher reads, and what a failure
// at each step leaves behind.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t from 'tap';
import { Git, type RunInGear } from '../../src/deploy/git.js';
import { CodeSwap } from '../../src/deploy/code-swap.js';
import { Deployments, type DeploymentRecord } from '../../src/deploy/deployments.js';
import { deployCommit, selected, type Application, type PushContext } from '../../src/deploy/push.js';

const directory = await mkdtemp(path.join(tmpdir(), 'push-'));
t.teardown(() => rm(directory, { recursive: true, force: true }));
const repository = path.join(directory, 'app.git');
const template = path.join(directory, 'template');
const repo = path.join(directory, 'app-root', 'runtime', 'repo');
await mkdir(repo, { recursive: true });
await mkdir(path.join(directory, 'app-deployments'));
const records = (): readonly DeploymentRecord[] => new Deployments(directory).list();

/** Runs as this user what `executeInGear` runs as the gear. */
const run: RunInGear = (command) =>
  new Promise((resolve) => {
    const child = execFile(
      command.file,
      command.argv.slice(1),
      {
        encoding: 'buffer',
        env: { PATH: process.env['PATH'], HOME: directory, ...command.env },
        ...(command.cwd ? { cwd: command.cwd } : {}),
      },
      (_error, stdout, stderr) =>
        resolve({
          exitCode: child.exitCode ?? 1,
          signal: undefined,
          stdout,
          stderr,
          truncated: false,
          timedOut: false,
          aborted: false,
          milliseconds: 0,
        }),
    );
  });
const git = new Git(run, repository);
/** The commit that runs while later ones fail. */
let hot = '';

async function commit(files: Record<string, string>): Promise<string> {
  await rm(template, { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(template, name)), { recursive: true });
    await writeFile(path.join(template, name), text);
  }
  const env = {
    GIT_WORK_TREE: template,
    GIT_INDEX_FILE: path.join(directory, 'index'),
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  };
  await git.output(['add', '--all', '--force', '--', '.'], { env, cwd: template });
  await git.output(['commit', '--quiet', '--allow-empty', '-m', 'x'], { env, cwd: template });
  return (await git.resolve('HEAD'))!;
}

function context(failAt?: string, scaled = false): { context: PushContext; did: string[]; said: string[] } {
  const did: string[] = [];
  const said: string[] = [];
  const step = async (name: string): Promise<void> => {
    did.push(name);
    if (name === failAt && did.filter((other) => other === name).length === 1)
      throw new Error(`${name} failed`);
  };
  const application: Application = {
    name: 'phpapp',
    primary: 'php',
    control: step,
    stop: () => step('stop'),
    start: () => step('start'),
    setState: (state) => did.push(`state ${state}`),
    cleanDependencies: () => step('clean'),
  };
  const proxy = {
    takeOut: () => step('take out'),
    putIn: () => step('put in'),
    distribute: () => step('distribute'),
  };
  const parts = {
    ...(scaled ? { proxy } : {}),
    git,
    code: new CodeSwap(directory),
    deployments: new Deployments(directory),
    application,
  };
  return { context: { environment: {}, ...parts, say: (line) => said.push(line) }, did, said };
}

await git.output(['init', '--bare', '--template=', '--initial-branch=master', repository]);

await t.test('a push is built between stop and start and says so line by line', async (t) => {
  const id = await commit({ 'index.php': 'one', 'lib/a.php': 'a' });
  const { context: push, did, said } = context();
  await deployCommit(push, { branch: 'master', commit: id });
  t.same(did, [
    'stop',
    'state building',
    'update-configuration',
    'pre-build',
    'build',
    'state deploying',
    'deploy',
    'start',
    'post-deploy',
  ]);
  t.same(said, [
    'Stopping php cartridge',
    `Building git ref 'master', commit ${id.slice(0, 7)}`,
    'Activating deployment',
    'Starting php cartridge',
    `Deployment id is ${records()[0]?.id}`,
    '-------------------------',
    'Git Post-Receive Result: success',
    'Activation status: success',
    'Deployment completed with status: success',
  ]);
  t.equal(await readFile(path.join(repo, 'index.php'), 'utf8'), 'one');
});

await t.test(
  'the next push replaces the whole tree: files that are gone from the commit are gone',
  async (t) => {
    const id = await commit({ 'index.php': 'two' });
    await deployCommit(context().context, { branch: 'master', commit: id });
    t.equal(await readFile(path.join(repo, 'index.php'), 'utf8'), 'two');
    t.notOk(existsSync(path.join(repo, 'lib')));
  },
);

await t.test(
  'markers of the pushed tree decide: hot deploy stops nothing, a clean build empties the dependencies',
  async (t) => {
    const id = await commit({
      'index.php': 'three',
      '.openshift/markers/hot_deploy': '',
      '.openshift/markers/force_clean_build': '',
    });
    const { context: push, did, said } = context();
    await deployCommit(push, { branch: 'master', commit: id });
    t.notOk(did.includes('stop') || did.includes('start'));
    t.ok(did.includes('clean'));
    t.equal(did.at(-2), 'state started');
    hot = id;
    t.ok(said.includes('Not stopping cartridge php because hot deploy is enabled'));
  },
);

for (const failing of ['update-configuration', 'pre-build', 'build', 'deploy', 'start']) {
  await t.test(
    `when ${failing} fails the former code is back and started, and the pusher is told`,
    async (t) => {
      const id = await commit({ 'index.php': failing });
      const { context: push, did, said } = context(failing);
      await t.rejects(deployCommit(push, { branch: 'master', commit: id }), { message: `${failing} failed` });
      t.same(did.slice(-2), ['stop', 'start']);
      t.equal(said.at(-1), 'Deployment completed with status: failure');
      t.match(records(), [{ git_sha1: hot.slice(0, 7), current: true }], 'the record is that of what runs');
      t.equal(await readFile(path.join(repo, 'index.php'), 'utf8'), 'three');
    },
  );
}

await t.test('when post-deploy fails the new code stays and the push still says failure', async (t) => {
  const id = await commit({ 'index.php': 'five' });
  const { context: push, did } = context('post-deploy');
  await t.rejects(deployCommit(push, { branch: 'master', commit: id }));
  t.equal(did.filter((step) => step === 'start').length, 1);
  t.equal(await readFile(path.join(repo, 'index.php'), 'utf8'), 'five');
});

await t.test('what is deployed follows the environment', (t) => {
  const line = `${'0'.repeat(40)} ${'a'.repeat(40)} refs/heads/master\n`;
  t.ok(selected({}, line));
  t.equal(selected({ OPENSHIFT_AUTO_DEPLOY: 'false' }, line), undefined);
  t.equal(selected({ OPENSHIFT_DEPLOYMENT_BRANCH: 'live' }, line), undefined);
  t.throws(() => selected({ OPENSHIFT_DEPLOYMENT_TYPE: 'binary' }, line), {
    message: /binary/,
    exitCode: 255,
  });
  t.end();
});

t.test('a head gear is out of service while it is stopped, and its code goes to the others', async (t) => {
  const id = await commit({ 'index.php': 'scaled' });
  const { context: push, did } = context(undefined, true);
  await deployCommit(push, { branch: 'master', commit: id });
  t.same(did.slice(0, 2), ['take out', 'stop']);
  t.same(did.slice(-4), ['start', 'put in', 'post-deploy', 'distribute']);

  const hotPush = context(undefined, true);
  await deployCommit(hotPush.context, { branch: 'master', commit: id }, { hotDeploy: true });
  t.notOk(hotPush.did.some((step) => ['take out', 'put in', 'stop'].includes(step)));
  t.equal(hotPush.did.at(-1), 'distribute');
});

t.test('a build that fails sends nothing and puts the head gear into service again', async (t) => {
  const id = await commit({ 'index.php': 'broken' });
  const { context: push, did } = context('build', true);
  await t.rejects(deployCommit(push, { branch: 'master', commit: id }), { message: 'build failed' });
  t.same(did.slice(-3), ['stop', 'start', 'put in']);
  t.notOk(did.includes('distribute'));
});

t.test('what fails after the start is told, and keeps no gear from the code', async (t) => {
  const id = await commit({ 'index.php': 'late' });
  const { context: push, did, said } = context('post-deploy', true);
  await t.rejects(deployCommit(push, { branch: 'master', commit: id }), { message: 'post-deploy failed' });
  t.equal(did.at(-1), 'distribute');
  t.equal(await readFile(path.join(repo, 'index.php'), 'utf8'), 'late');
  t.equal(said.at(-1), 'Deployment completed with status: failure');

  const distribution = context('distribute', true);
  await t.rejects(deployCommit(distribution.context, { branch: 'master', commit: id }), {
    message: 'distribute failed',
  });
  t.equal(distribution.said.at(-1), 'Deployment completed with status: failure');

  const both = context(undefined, true);
  const fail = (what: string) => () => Promise.reject(new Error(what));
  const { application, proxy } = both.context;
  const control: Application['control'] = (verb) =>
    verb === 'post-deploy' ? fail('one')() : application.control(verb);
  await t.rejects(
    deployCommit(
      {
        ...both.context,
        application: { ...application, control },
        proxy: { ...proxy!, distribute: fail('two') },
      },
      { branch: 'master', commit: id },
    ),
    { message: 'one\ntwo' },
  );
});
