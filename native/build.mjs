// Builds the native part: the addon (node-gyp), and, where their sources are there, oo-login and pam_oo.so.
// `--sanitize-tests [NAME...]` builds and runs the C++ tests of native/test under ASAN and UBSAN, without Node.
// Invariants: no download (Node's headers come from the running Node's own installation when it has them), nothing is
// done when the results are newer than the sources, and only one build runs at a time in one tree.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonSources, words } from './sources.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const native = path.join(root, 'native');
const output = path.join(root, 'dist', 'native');
const require = createRequire(import.meta.url);
const verbose = process.argv.includes('--verbose');

const common = [
  '-std=c++17',
  '-D_GNU_SOURCE',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-fvisibility=hidden',
  '-fno-exceptions',
  '-fstack-protector-strong',
  '-I',
  native,
];
const hardened = [
  '-O2',
  '-U_FORTIFY_SOURCE',
  '-D_FORTIFY_SOURCE=2',
  '-Wl,-z,relro,-z,now',
  '-Wl,-z,noexecstack',
];
const compiler = process.env.CXX ?? 'g++';
const here = (name) => path.join(native, name);

/** The result lines of a failed tool are worth more than a stack: print them and end with its status. */
function run(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', ...options });
  if (done.error !== undefined) {
    throw new Error(
      `${command} cannot be run (${done.error.code}): install a C++ compiler, make and python3 and build again`,
    );
  }
  if (done.status !== 0) {
    process.stderr.write(`${done.stdout ?? ''}${done.stderr ?? ''}`);
    process.stderr.write(
      `native build: ${path.basename(command)} ended with ${done.status ?? done.signal}\n`,
    );
    process.exit(1);
  }
  if (verbose) process.stdout.write(`${done.stdout ?? ''}${done.stderr ?? ''}`);
}

function newest(files) {
  return Math.max(...files.map((file) => statSync(file).mtimeMs));
}

function upToDate(target, sources) {
  return existsSync(target) && statSync(target).mtimeMs >= newest(sources);
}

/** A result carries the time its build began, so that a source edited meanwhile counts as newer. */
function stamp(file, began) {
  utimesSync(file, new Date(began), new Date(began));
}

function withLock(action) {
  mkdirSync(path.join(root, 'build'), { recursive: true });
  const lock = path.join(root, 'build', '.lock');
  for (let tries = 0; ; tries += 1) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const holder = Number(readLock(lock));
      if (!alive(holder)) rmSync(lock, { force: true });
      else if (tries > 3000) throw new Error(`another build (process ${holder}) holds ${lock}`);
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  try {
    return action();
  } finally {
    rmSync(lock, { force: true });
  }
}

function readLock(lock) {
  try {
    return readFileSync(lock, 'utf8');
  } catch {
    return '0';
  }
}

function alive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function sources(filter) {
  return readdirSync(native)
    .filter((name) => /\.(cc|h)$/.test(name) && filter(name))
    .map(here);
}

function buildAddon() {
  const target = path.join(output, 'oo_native.node');
  const inputs = [
    ...addonSources().map(here),
    ...sources((name) => name.endsWith('.h')),
    path.join(root, 'binding.gyp'),
  ];
  if (upToDate(target, inputs)) return;
  const began = Date.now();
  const prefix = path.dirname(path.dirname(process.execPath));
  const headers = existsSync(path.join(prefix, 'include', 'node', 'node_api.h'))
    ? [`--nodedir=${prefix}`]
    : [];
  const gyp = require.resolve('node-gyp/bin/node-gyp.js');
  run(process.execPath, [gyp, 'configure', 'build', '--silent', '--jobs=2', ...headers]);
  install(path.join(root, 'build', 'Release', 'oo_native.node'), target, began);
}

/** Never write over a file that a running process has mapped: put the new one beside it and rename. */
function install(from, to, began) {
  mkdirSync(output, { recursive: true });
  const temporary = `${to}.${process.pid}`;
  copyFileSync(from, temporary);
  renameSync(temporary, to);
  stamp(to, began);
}

const confineParts = ['confine.cc', 'landlock.cc', 'seccomp.cc', 'profile.cc'];

function buildProgram(name, entry, flags) {
  if (!existsSync(here(entry))) return;
  const parts = [entry, ...(words(here(entry), 'sources') ?? confineParts)].map(here);
  if (!parts.every((file) => existsSync(file))) return;
  const target = path.join(output, name);
  if (upToDate(target, [...parts, ...sources((file) => file.endsWith('.h'))])) return;
  const began = Date.now();
  const temporary = path.join(root, 'build', name);
  run(compiler, [
    ...common,
    ...hardened,
    '-o',
    temporary,
    ...parts,
    ...flags,
    ...(words(here(entry), 'libraries') ?? []),
  ]);
  install(temporary, target, began);
}

/** oo-login is linked statically where that can be done: then no loader variable can reach it before it is confined. */
function hasLibrary(name) {
  return path.isAbsolute(
    spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout?.trim() ?? '',
  );
}

/** sshd, which loads pam_oo.so, gets no C++ runtime from us. */
function staticRuntime() {
  return hasLibrary('libstdc++.a') ? ['-static-libgcc', '-static-libstdc++'] : [];
}

function sanitizeTests(names) {
  const directory = path.join(native, 'test');
  const tests = readdirSync(directory).filter(
    (name) => name.endsWith('.cc') && (names.length === 0 || names.includes(name.slice(0, -3))),
  );
  const testHeaders = readdirSync(directory)
    .filter((name) => name.endsWith('.h'))
    .map((name) => path.join(directory, name));
  const binaries = path.join(root, 'build', 'test');
  mkdirSync(binaries, { recursive: true });
  for (const name of tests) {
    const file = path.join(directory, name);
    const parts = [file, ...(words(file, 'sources') ?? []).map(here)];
    const binary = path.join(binaries, name.slice(0, -3));
    if (!upToDate(binary, [...parts, ...testHeaders, ...sources((header) => header.endsWith('.h'))])) {
      const began = Date.now();
      run(compiler, [
        ...common,
        '-g',
        '-O1',
        '-fsanitize=address,undefined',
        '-fno-sanitize-recover=all',
        '-fno-omit-frame-pointer',
        '-o',
        binary,
        ...parts,
        ...(words(file, 'libraries') ?? []),
        '-lpthread',
      ]);
      stamp(binary, began);
    }
    run(binary, [], { stdio: 'inherit', env: { ...process.env, UBSAN_OPTIONS: 'print_stacktrace=1' } });
  }
}

try {
  if (process.argv.includes('--sanitize-tests')) {
    withLock(() => sanitizeTests(process.argv.slice(2).filter((word) => !word.startsWith('-'))));
  } else {
    withLock(() => {
      buildAddon();
      buildProgram('oo-login', 'login.cc', ['-fPIE', hasLibrary('libc.a') ? '-static-pie' : '-pie']);
      buildProgram('pam_oo.so', 'pam_oo.cc', ['-fPIC', '-shared', '-lpam', ...staticRuntime()]);
    });
  }
} catch (error) {
  process.stderr.write(`native build: ${error.message}\n`);
  process.exit(1);
}
