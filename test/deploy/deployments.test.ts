// The record of deployments and the change of the code directory, on a real directory tree.
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { CodeSwap } from '../../src/deploy/code-swap.js';
import { stamp } from '../../src/host/clock.js';
import { Deployments } from '../../src/deploy/deployments.js';

const home = t.testdir({
  'app-deployments': { 'by-id': {} },
  'app-root': { runtime: { repo: { 'index.php': 'one' } } },
});
const folder = path.join(home, 'app-deployments');
const runtime = path.join(home, 'app-root', 'runtime');
const input = { branch: 'master', shortId: 'abcdef0', hotDeploy: true, forceCleanBuild: false };
const time = (second: number): Date => new Date(2013, 1, 27, 9, 53, second);
const names = (): string[] =>
  readdirSync(folder)
    .filter((name) => /^\d/.test(name))
    .sort();

t.test('the name of a deployment is its local time to the millisecond', (t) => {
  t.equal(stamp(new Date(2013, 1, 7, 9, 5, 3, 4)), '2013-02-07_09-05-03.004');
  t.end();
});

t.test('a record is there before the build, active only once it ran', async (t) => {
  const deployments = new Deployments(home);
  const name = await deployments.begin(input, time(1));
  const metadata = () => JSON.parse(readFileSync(path.join(folder, name, 'metadata.json'), 'utf8'));
  t.match(metadata(), {
    git_ref: 'master',
    git_sha1: 'abcdef0',
    hot_deploy: true,
    force_clean_build: false,
    activations: [],
  });
  t.notOk(existsSync(path.join(folder, 'current')));
  const id = await deployments.activate(name, time(2));
  t.match(id, /^[0-9a-f]{8}$/);
  t.equal(readlinkSync(path.join(folder, 'current')), name);
  t.equal(readlinkSync(path.join(folder, 'by-id', id)), `../${name}`);
  t.same(metadata().activations, [time(2).getTime() / 1000]);
  t.match(deployments.list(), [{ name, current: true, id }]);
});

t.test('a build that failed leaves no record and the current one where it was', async (t) => {
  const deployments = new Deployments(home);
  const before = readlinkSync(path.join(folder, 'current'));
  const name = await deployments.begin(input, time(3));
  t.ok(existsSync(path.join(folder, before)), 'the running one is never pruned');
  await deployments.abandon(name);
  t.same(names(), [before]);
  t.equal(readlinkSync(path.join(folder, 'current')), before);
});

t.test('only as many as are to be kept stay, the oldest going first', async (t) => {
  const deployments = new Deployments(home, 3);
  for (let second = 10; second < 16; second += 1)
    await deployments.activate(await deployments.begin(input, time(second)), time(second));
  t.equal(names().length, 3);
  t.equal(readdirSync(path.join(folder, 'by-id')).length, 3);
  t.equal(readlinkSync(path.join(folder, 'current')), names().at(-1));
});

t.test('two in the same millisecond are two, and a broken record is read as an empty one', async (t) => {
  const deployments = new Deployments(home, 10);
  t.not(await deployments.begin(input, time(20)), await deployments.begin(input, time(20)));
  writeFileSync(path.join(folder, names()[0]!, 'metadata.json'), '{"id": "../../x"');
  t.equal(deployments.list()[0]?.id, null);
});

t.test('the code changes as a whole and back', async (t) => {
  const swap = new CodeSwap(home);
  const code = (): string => readFileSync(path.join(runtime, 'repo', 'index.php'), 'utf8');
  const coming = await swap.prepare();
  writeFileSync(path.join(coming, 'index.php'), 'two');
  t.equal(code(), 'one');
  swap.enter();
  t.equal(code(), 'two');
  t.ok(await swap.goBack());
  t.equal(code(), 'one');
  t.notOk(await swap.goBack());
  writeFileSync(path.join(await swap.prepare(), 'index.php'), 'three');
  swap.enter();
  await swap.finish();
  t.equal(code(), 'three');
  t.same(readdirSync(runtime), ['repo']);
});

t.test('what an interrupted deployment left is put right by the next', async (t) => {
  const swap = new CodeSwap(home);
  mkdirSync(path.join(runtime, '.repo-coming'));
  await swap.finish();
  t.same(readdirSync(runtime), ['repo']);
  writeFileSync(path.join(await swap.prepare(), 'index.php'), 'four');
  // Killed between the two renames: the code is away.
  const { renameSync } = await import('node:fs');
  renameSync(path.join(runtime, 'repo'), path.join(runtime, '.repo-former'));
  await new CodeSwap(home).finish();
  t.equal(readFileSync(path.join(runtime, 'repo', 'index.php'), 'utf8'), 'three');
  t.same(readdirSync(runtime), ['repo']);
});
