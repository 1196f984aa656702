/**
 * `oo-app-create` with everything that can be wrong: the exit code of the facts, one clear sentence, and the host as it
 * was, read back whole. The command is the real one, the host is disposable.
 */
import t from 'tap';
import { execFile, execFileSync, spawn, type ExecFileOptions } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { callAction } from '../../src/actions/call.js';
import { openNode } from '../../src/node/node.js';
import { differences, dumpHost } from '../hosts/dump.js';
import { command, run } from '../seed/seed-node.js';
import { badInputs } from './bad-input.js';

type Tap = Pick<typeof t, 'equal' | 'match' | 'notMatch'>;

interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

t.setTimeout(900_000);

const right: Readonly<Record<string, string>> = {
  'with-container-uuid': 'cc9beb39785a45b9b97bdc6951fc8dbf',
  'with-app-name': 'phpapp',
  'with-namespace': 'demo',
};

function create(argv: readonly string[], options: ExecFileOptions = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      '/usr/sbin/oo-app-create',
      [...argv],
      { encoding: 'utf8', ...options },
      (error, stdout, stderr) => {
        const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ exit, stdout: String(stdout), stderr: String(stderr) });
      },
    );
  });
}

function argvOf(
  options: Readonly<Record<string, string | undefined>> = {},
  more: readonly string[] = [],
): string[] {
  const given = { ...right, ...options };
  return [
    ...Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...more,
  ];
}

/** One line that names the command, begins a sentence and ends it; no trace of a stack, nothing on standard output. */
function oneSentence(t: Tap, { stdout, stderr }: Ended): void {
  t.equal(stdout, '');
  t.match(stderr, /^oo-app-create: [^\n]+[.;:] ?[^\n]*\n$/, 'one line');
  t.notMatch(stderr, /\n\s+at |node:internal|undefined|\[object/);
  t.notMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f]/, 'no control characters');
}

await t.test('before there is a node', async (t) => {
  const ended = await new Promise<Ended>((resolve) => {
    execFile(command('oo-app-create'), argvOf(), { encoding: 'utf8' }, (error, stdout, stderr) =>
      resolve({ exit: Number(error?.code), stdout, stderr }),
    );
  });
  t.not(ended.exit, 0);
  oneSentence(t, ended);
  t.notMatch(readFileSync('/etc/passwd', 'utf8'), 'cc9beb');
});

await run(command('oo-admin-node-setup'), ['--min-uid=507', '--start']);
await run('/usr/sbin/oo-app-create', argvOf({ 'with-container-uuid': 'other', 'with-uid': '600' }));
appendFileSync('/etc/group', 'taken:x:601:\n');
appendFileSync('/etc/gshadow', 'taken:!::\n');

t.test(`${badInputs.length} bad inputs`, async (t) => {
  t.ok(badInputs.length >= 40);
  const before = await dumpHost();
  for (const { what, options, more, exit, says } of badInputs) {
    await t.test(what, async (t) => {
      const ended = await create(argvOf(options, more));
      t.equal(ended.exit, exit, 'the exit code of the facts');
      t.match(ended.stderr, says);
      oneSentence(t, ended);
      t.same(differences(before, await dumpHost()), [], 'the host is as it was');
    });
  }
});

t.test('a NUL, which only a bus can bring', async (t) => {
  const node = await openNode();
  const before = await dumpHost();
  for (const [name, value] of [
    ['--with-container-uuid', 'cc9b\0eb39'],
    ['--with-app-name', 'php\0app'],
    ['--with-namespace', 'de\0mo'],
  ] as const) {
    const args = {
      '--with-container-uuid': 'cc9b',
      '--with-app-name': 'a',
      '--with-namespace': 'n',
      [name]: value,
    };
    const data = { cartridge: 'openshift-origin-node', action: 'app-create', args };
    t.match(await callAction(node, 'cartridge_do', data), { exitcode: 255, output: /NUL/ });
  }
  t.same(differences(before, await dumpHost()), []);
});

t.test('somebody who is not root', async (t) => {
  const before = await dumpHost();
  const ended = await create(argvOf(), { uid: 65_534, gid: 65_534 });
  t.equal(ended.exit, 1);
  t.match(ended.stderr, /Only root/);
  oneSentence(t, ended);
  t.same(differences(before, await dumpHost()), []);
});

t.test('the same uuid twice', async (t) => {
  t.equal((await create(argvOf())).exit, 0);
  const before = await dumpHost();
  const ended = await create(argvOf());
  t.equal(ended.exit, 129);
  t.match(ended.stderr, /exists/);
  oneSentence(t, ended);
  t.same(differences(before, await dumpHost()), []);
  await run('/usr/sbin/oo-app-destroy', ['-c', 'cc9beb39785a45b9b97bdc6951fc8dbf']);
});

t.test('two at once', async (t) => {
  const before = await dumpHost();
  const same = await Promise.all([create(argvOf()), create(argvOf()), create(argvOf())]);
  t.same(same.map(({ exit }) => exit).sort(), [0, 129, 129], 'of one uuid, one');
  const uid = { 'with-uid': '650' };
  const two = await Promise.all([
    create(argvOf({ 'with-container-uuid': 'first', ...uid })),
    create(argvOf({ 'with-container-uuid': 'second', ...uid })),
  ]);
  t.same(two.map(({ exit }) => exit).sort(), [0, 129], 'of one uid, one');
  for (const uuid of ['cc9beb39785a45b9b97bdc6951fc8dbf', 'first', 'second']) {
    await run('/usr/sbin/oo-app-destroy', ['-c', uuid]);
  }
  t.same(differences(before, await dumpHost()), [], 'and no trace of any');
});

t.test('a home that is there already', async (t) => {
  mkdirSync('/var/lib/openshift/cc9beb39785a45b9b97bdc6951fc8dbf');
  writeFileSync('/var/lib/openshift/cc9beb39785a45b9b97bdc6951fc8dbf/precious', 'data');
  const before = await dumpHost();
  const ended = await create(argvOf());
  t.equal(ended.exit, 129);
  t.match(ended.stderr, /home exists/);
  oneSentence(t, ended);
  t.same(differences(before, await dumpHost()), []);
  rmSync('/var/lib/openshift/cc9beb39785a45b9b97bdc6951fc8dbf', { recursive: true });
});

t.test('no uid left', async (t) => {
  const conf = readFileSync('/etc/openshift/node.conf', 'utf8');
  writeFileSync('/etc/openshift/node.conf', conf.replace(/^GEAR_M(IN|AX)_UID=.*$/gm, 'GEAR_M$1_UID=600'));
  const before = await dumpHost();
  const ended = await create(argvOf());
  t.equal(ended.exit, 129);
  t.match(ended.stderr, /All uids from 600 to 600 are taken/);
  oneSentence(t, ended);
  t.same(differences(before, await dumpHost()), []);
  writeFileSync('/etc/openshift/node.conf', conf);
});

t.test('a configuration that cannot be read', async (t) => {
  const conf = readFileSync('/etc/openshift/node.conf', 'utf8');
  writeFileSync('/etc/openshift/node.conf', conf.replace(/^GEAR_MIN_UID=.*$/m, 'GEAR_MIN_UID=low'));
  const before = await dumpHost();
  const ended = await create(argvOf());
  t.equal(ended.exit, 253);
  t.match(ended.stderr, /GEAR_MIN_UID/);
  oneSentence(t, ended);
  t.same(differences(before, await dumpHost()), []);
  writeFileSync('/etc/openshift/node.conf', conf);
});

t.test('the account files held by somebody else', async (t) => {
  const script =
    "import fcntl, sys, time; f = open('/etc/.pwd.lock', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); " +
    "print('held'); sys.stdout.flush(); time.sleep(60)";
  const holder = spawn('/usr/bin/python3', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  const before = await dumpHost();
  const ended = await create(argvOf());
  t.equal(ended.exit, 129);
  oneSentence(t, ended);
  t.same(differences(before, await dumpHost()), []);
  holder.kill('SIGKILL');
});

t.test('a full disk', async (t) => {
  // The node's folder on a small file system of its own, then filled to the last block and to the last inode.
  const base = '/var/lib/openshift';
  mkdirSync('/run/small');
  execFileSync('/usr/bin/mount', [
    '-t',
    'tmpfs',
    '-o',
    'size=64M,nr_inodes=4096,mode=0711',
    'small',
    '/run/small',
  ]);
  execFileSync('/usr/bin/cp', ['-a', `${base}/.`, '/run/small/']);
  execFileSync('/usr/bin/mount', ['--bind', '/run/small', base]);
  for (const fill of [
    'head -c 80M /dev/zero > filler',
    'mkdir f; for i in $(seq 5000); do : > f/$i || break; done',
  ]) {
    execFileSync('/bin/bash', ['-c', `cd ${base} && { ${fill}; } 2>/run/full || true`]);
    const before = await dumpHost();
    const ended = await create(argvOf());
    t.equal(ended.exit, 129, fill);
    oneSentence(t, ended);
    t.match(ended.stderr, /ENOSPC|space/i);
    t.same(differences(before, await dumpHost()), []);
    execFileSync('/bin/bash', ['-c', `cd ${base} && rm -rf filler f`]);
  }
  t.equal((await create(argvOf())).exit, 0, 'with room again, it is made');
});
