// Runs suites: each file is a process that speaks TAP, on the machine or in a disposable host of its own, as many at
// once as there are cores. Prints one line a file, what failed with its output, and in the end `N passed, N failed`.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { assign, matcher, suites } from '../suites.mjs';
import { repository } from './build.mjs';
import { seconds } from './progress.mjs';
import { TapReader } from './tap.mjs';

const compiled = join(repository, 'dist', 'test');
const say = (line) => process.stdout.write(`${line}\n`);
const fileLimit = 15 * 60_000;

/** The compiled tests whose source is still there. */
export function testFiles() {
  return readdirSync(compiled, { recursive: true })
    .filter((name) => name.endsWith('.test.js') && statSync(join(compiled, name)).isFile())
    .filter((name) => existsSync(join(repository, 'test', name.replace(/\.js$/, '.ts'))))
    .sort();
}

function hostOptions({ hostname, addresses = [], disk, link }) {
  return [
    ...(hostname ? ['--hostname', hostname] : []),
    ...addresses.flatMap((address) => ['--address', address]),
    ...(disk ? ['--disk'] : []),
    ...(link ? ['--link'] : []),
  ];
}

/** One command to its end: its output as it came, its exit status, killed with all of its group at the limit. */
function execute([file, ...argv], { env, limit, onOutput }) {
  return new Promise((resolve) => {
    const child = spawn(file, argv, {
      cwd: repository,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    let status;
    const keep = (text) => (output = (output + text).slice(-400_000));
    child.stdout.setEncoding('utf8').on('data', (text) => (keep(text), onOutput?.(text)));
    child.stderr.setEncoding('utf8').on('data', keep);
    const killGroup = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // It has ended by itself.
      }
    };
    const timer = setTimeout(() => {
      keep(`\nended after ${Math.round(limit / 1000)} s: it took too long\n`);
      killGroup('SIGTERM');
      setTimeout(() => killGroup('SIGKILL'), 15_000).unref();
    }, limit);
    const stop = () => killGroup('SIGTERM');
    process.once('exit', stop);
    child.on('error', (error) => {
      keep(error.message);
      status = 127;
    });
    child.on('exit', (code, signal) => {
      status ??= code ?? signal;
      setTimeout(() => (child.stdout.destroy(), child.stderr.destroy()), 2000).unref();
    });
    child.on('close', () => {
      clearTimeout(timer);
      process.off('exit', stop);
      resolve({ status, output });
    });
  });
}

async function runStep([name, argv], suite, deadline) {
  const began = Date.now();
  const { status, output } = await execute(argv, { env: { ...process.env }, limit: deadline - began });
  return {
    file: name,
    passed: status === 0 ? 1 : 0,
    failures: status === 0 ? [] : [{ name, details: output.trimEnd().split('\n').slice(-60) }],
    output: '',
    began,
  };
}

async function runFile(file, suite, deadline, coverage) {
  const began = Date.now();
  const reader = new TapReader();
  const test = [process.execPath, '--enable-source-maps', join('dist', 'test', file)];
  const outside = suite.outside?.some((pattern) => matcher(pattern).test(file));
  const argv =
    suite.host && !outside
      ? [process.execPath, 'test/hosts/runner.mjs', ...hostOptions(suite.host), '--', ...test]
      : test;
  const env = {
    ...process.env,
    TAP: '1',
    TAP_TIMEOUT: '300',
    ...(coverage ? { NODE_V8_COVERAGE: coverage } : {}),
  };
  const limit = Math.max(1000, Math.min(fileLimit, deadline - began));
  const { status, output } = await execute(argv, { env, limit, onOutput: (text) => reader.write(text) });
  reader.end(status, file);
  return { file, passed: reader.passed, failures: reader.failures, output, began };
}

function report({ file, passed, failures, output, began }) {
  say(
    `  ${failures.length === 0 ? '✓' : '✗'} ${file}: ${passed} passed, ${failures.length} failed (${seconds(began)})`,
  );
  for (const { name, details } of failures) {
    say(`      not ok: ${name}`);
    for (const line of details.slice(0, 60)) say(`        ${line}`);
  }
  if (failures.length > 0 && failures.every(({ details }) => details.length === 0)) {
    for (const line of output.trimEnd().split('\n').slice(-40)) say(`        ${line}`);
  }
}

async function runSuite(suite, files) {
  const began = Date.now();
  const deadline = began + (suite.minutes ?? 25) * 60_000;
  say(`${suite.name}: ${suite.about}`);
  const coverage = suite.coverage ? join(repository, '.tap', 'v8') : undefined;
  if (coverage) {
    rmSync(coverage, { recursive: true, force: true });
    mkdirSync(coverage, { recursive: true });
  }
  const total = { passed: 0, failed: 0 };
  const queue = [
    ...(suite.steps ?? []).map((step) => () => runStep(step, suite, deadline)),
    ...files.map((file) => () => runFile(file, suite, deadline, coverage)),
  ];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const result = await job();
      report(result);
      total.passed += result.passed;
      total.failed += result.failures.length;
    }
  };
  await Promise.all(Array.from({ length: suite.serial ? 1 : Math.min(4, availableParallelism()) }, worker));
  if (files.length === 0 && suite.steps === undefined) {
    say('  ✗ it has no tests');
    total.failed++;
  }
  if (coverage) await showCoverage(coverage);
  say(`  ${suite.name}: ${total.passed} passed, ${total.failed} failed (${seconds(began)})`);
  return total;
}

async function showCoverage(directory) {
  const c8 = join('node_modules', 'c8', 'bin', 'c8.js');
  if (!existsSync(join(repository, c8))) return;
  const argv = [
    process.execPath,
    c8,
    'report',
    '--temp-directory',
    directory,
    '--reports-dir',
    '.tap/report',
  ];
  const shown = ['--reporter', 'text', '--exclude-after-remap', '--include', 'src/**'];
  const { output } = await execute([...argv, ...shown], { env: process.env, limit: 120_000 });
  say(output.trimEnd());
}

/** Runs the named suites, or all; returns the exit status. `around` sees the machine before and after. */
export async function runSuites(names, around) {
  const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    say(`There is no suite '${unknown[0]}'. The suites are:`);
    for (const { name, about } of suites) say(`  ${name.padEnd(12)} ${about}`);
    return 2;
  }
  const files = assign(testFiles());
  const chosen = suites.filter(({ name }) => names.length === 0 || names.includes(name));
  if (process.getuid() !== 0 && chosen.some(({ host, root }) => host || root)) {
    say('These suites need root for their disposable hosts: run them with sudo.');
    return 2;
  }
  const total = { passed: 0, failed: 0 };
  const before = await around?.before();
  for (const suite of chosen) {
    const { passed, failed } = await runSuite(suite, files.get(suite.name));
    total.passed += passed;
    total.failed += failed;
  }
  if (around) {
    const differences = await around.after(before);
    say(`${differences.length === 0 ? '✓' : '✗'} the machine is as it was before`);
    for (const line of differences) say(`    ${line}`);
    if (differences.length === 0) total.passed++;
    else total.failed++;
  }
  say(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}
