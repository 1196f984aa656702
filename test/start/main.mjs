// What `npm run demo|test|host|bench` do once it is clear that this Node can: bring the machine to where the work can
// begin (packages of the distribution, node_modules, build), say what happens meanwhile, then do the work.
import { SetupError } from './tool.mjs';

const [what, ...rest] = process.argv.slice(2);

async function host() {
  const { main } = await import('../hosts/runner.mjs');
  return main(rest);
}

async function ready() {
  const { ensurePackages } = await import('./packages.mjs');
  const { ensureModules, ensureBuild } = await import('./build.mjs');
  await ensurePackages();
  await ensureModules();
  await ensureBuild();
}

async function test() {
  const { suites } = await import('../suites.mjs');
  const { runSuites } = await import('./run.mjs');
  const names = rest.filter((word) => word !== '--');
  const known = names.every((name) => suites.some((suite) => suite.name === name));
  if (known) await ready();
  const { sweep } = await import('../hosts/state.mjs');
  const { traces, differences } = await import('../hosts/traces.mjs');
  const isRoot = process.getuid() === 0;
  const around = {
    before: () => (sweep(), traces()),
    after: (before) => (sweep(), differences(before, traces())),
  };
  return runSuites(names, known && isRoot ? around : undefined);
}

async function demo() {
  if (process.getuid() !== 0)
    throw new SetupError('The demo makes a disposable host, which needs root: run it with sudo.');
  await ready();
  const { demo: run } = await import('../../dist/test/demo/demo.js');
  return run(rest);
}

async function bench() {
  if (process.getuid() !== 0)
    throw new SetupError('The benchmarks run in a disposable host, which needs root: run them with sudo.');
  await ready();
  const { bench: run } = await import('./bench.mjs');
  return run(rest);
}

const commands = { host, test, demo, bench };

/** Runs what the command line asks for; resolves with the exit status. */
export async function main() {
  try {
    const command = commands[what];
    if (command === undefined) {
      throw new SetupError(`usage: node test/start.mjs ${Object.keys(commands).join('|')} [ARGUMENT]...`);
    }
    return await command();
  } catch (error) {
    process.stderr.write(`${error instanceof SetupError ? error.message : (error?.stack ?? error)}\n`);
    return 2;
  }
}
