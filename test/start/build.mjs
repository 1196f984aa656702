// Brings node_modules and dist up to the sources: `npm ci` when the lock file says something else than what is
// installed, the build when a source is newer than the last one that succeeded. Touches nothing outside the repository.
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { step } from './progress.mjs';
import { SetupError, tool } from './tool.mjs';

export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const at = (...parts) => join(repository, ...parts);

/** npm as it started us, or the one in PATH. */
const npm = process.env.npm_execpath?.endsWith('.js')
  ? [process.execPath, process.env.npm_execpath]
  : [process.env.npm_execpath ?? 'npm'];

function packagesOf(file) {
  const { packages } = JSON.parse(readFileSync(file, 'utf8'));
  return new Map(Object.entries(packages).filter(([name]) => name !== ''));
}

function modulesAreRight() {
  const installed = at('node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const there = packagesOf(installed);
  for (const [name, { version, optional, link }] of packagesOf(at('package-lock.json'))) {
    if (!optional && !link && there.get(name)?.version !== version) return false;
  }
  return true;
}

export async function ensureModules() {
  if (modulesAreRight()) return;
  const argv = [...npm.slice(1), 'ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  await step('npm ci', () => tool(npm[0], argv, { cwd: repository }));
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((time, name) => Math.max(time, newest(join(path, name))), stat.mtimeMs);
}

/**
 * Builds what is older than its sources. Type errors do not stop a test run (the compiler emits all the same, and the
 * suite `lint` fails by them); a native build that fails does. OO_BUILD=no tests what is there.
 */
export async function ensureBuild() {
  if (process.env.OO_BUILD === 'no') return;
  const stamp = at('dist', '.built');
  const sources = [
    'src',
    'test',
    'native',
    'binding.gyp',
    'tsconfig.json',
    'package.json',
    'package-lock.json',
  ];
  const changed = Math.max(...sources.map((name) => newest(at(name))));
  if (existsSync(stamp) && statSync(stamp).mtimeMs > changed) return;
  const began = Date.now();
  const node = (...argv) => tool(process.execPath, argv, { cwd: repository });
  await step('native build', () => node('native/build.mjs'));
  const { status, output } = await step('compile', () =>
    tool(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], {
      cwd: repository,
      accept: [0, 1, 2],
    }),
  );
  const errors = output.match(/error TS\d+/g)?.length ?? 0;
  if (errors > 0) process.stderr.write(`  ${errors} type errors (npm test -- lint shows them)\n`);
  if (!existsSync(at('dist', 'test')))
    throw new SetupError(`The compiler made nothing:\n${output.slice(0, 4000)}`);
  if (existsSync(at('src', 'commands', 'build.mjs')))
    await step('commands', () => node('src/commands/build.mjs'));
  if (status !== 0) return;
  mkdirSync(at('dist'), { recursive: true });
  writeFileSync(stamp, `${new Date(began).toISOString()}\n`);
}
