/** A hook and an SSH session of one real gear: the same environment, groups, limits, /tmp and sandbox. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import t from 'tap';
import { executeInGear } from '../../src/gear/execute.js';
import { openGear } from '../../src/gear/gear.js';
import { openNode } from '../../src/node/node.js';
import { run, sshOptions } from './fake-gear.js';

const bin = fileURLToPath(new URL('../../../dist/bin/', import.meta.url));
const uuid = 'cc9beb39785a45b9b97bdc6951fc8dbf';
const ids = ['--with-app-uuid', uuid, '--with-container-uuid', uuid];
t.setTimeout(240_000);

if (!existsSync(`${bin}oo-admin-node-setup`)) t.bailout('the commands have not been built: npm run build');
const names = ['--with-app-name', 'phpapp', '--with-container-name', 'phpapp', '--with-namespace', 'demo'];
await execa(`${bin}oo-admin-node-setup`, [
  '--cloud-domain',
  'test.example.com',
  '--min-uid',
  '507',
  '--start',
]);
await execa(`${bin}oo-app-create`, [...ids, ...names]);
const key = '/root/login-test-key';
await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
const [type = '', text = ''] = (await execa('cat', [`${key}.pub`])).stdout.split(' ');
const options = ['--with-ssh-key', text, '--with-ssh-key-type', type, '--with-ssh-key-comment', 'test'];
await execa(`${bin}oo-authorized-ssh-key-add`, [...ids, ...options]);

const node = await openNode();
const gear = openGear(node, uuid);
for (const [path, value] of Object.entries({
  '.env/user_vars/MINE': 'mine',
  '.env/user_vars/OPENSHIFT_GEAR_DNS': 'mine',
  '.env/user_vars/LD_PRELOAD': '/x',
  '.env/user_vars/PHP_VALUE': 'mine\n',
  '.env/mysql/PUBLISHED': "export PUBLISHED='by mysql'",
  '.env/mysql/TWICE': 'by mysql',
  '.env/published/TWICE': 'by a connector without a name',
  '.env/published/OPENSHIFT_MYSQL_DB_PASSWORD': 'a"b\\c $d',
  'php/env/PHP_VALUE': 'php',
  'php/env/SHARED': 'php',
  'zz/env/SHARED': 'zz',
  'php/env/OPENSHIFT_PHP_PATH_ELEMENT': '/php/bin',
  'zz/env/OPENSHIFT_ZZ_PATH_ELEMENT': '/zz/bin',
  'zz/env/OPENSHIFT_ZZ_LD_LIBRARY_PATH_ELEMENT': '/zz/lib',
  '.env/OPENSHIFT_PRIMARY_CARTRIDGE_DIR': `${gear.home}/php/`,
})) {
  mkdirSync(`${gear.home}/${path}`.replace(/\/[^/]*$/, ''), { recursive: true });
  writeFileSync(`${gear.home}/${path}`, value, { mode: 0o644 });
}

const hook = async (command: string): Promise<string> => {
  const launched = { file: '/bin/bash', argv: ['bash', '--norc', '-c', command], cwd: gear.home };
  return (await executeInGear(node, gear, launched)).stdout.toString().trimEnd();
};
const login = async (command: string): Promise<string> =>
  (await run('ssh', [...sshOptions, `${uuid}@127.0.0.1`, command])).stdout;

await t.test('the same variables', async (t) => {
  const variables = (text: string): readonly string[] =>
    text
      .split('\0')
      // What the connection adds to a session, and what bash says of itself.
      .filter((line) => line !== '' && !/^(SSH_|LANG=|LC_|TERM=|_=|SHLVL=|PWD=|OLDPWD=)/.test(line))
      .sort();
  const ofHook = variables(await hook('env -0'));
  t.ok(ofHook.length > 20);
  t.same(variables(await login('env -0')), ofHook);
  t.ok(ofHook.includes('TWICE=by a connector without a name'), 'publishers in the order of their names');
  t.ok(ofHook.includes('SHARED=php'), 'the primary cartridge has the last word');
});

await t.test('the same confinement', async (t) => {
  const commands = {
    'ids, capabilities and sandbox': 'grep -E "^(Uid|Gid|Cap|NoNewPrivs|Seccomp)" /proc/self/status',
    'limits and umask': 'cat /proc/self/limits /proc/self/oom_score_adj | grep -v "open files"; umask',
    'directories of its own': 'stat -c "%n %i %u %a" /tmp /var/tmp /dev/shm',
    'control groups': 'grep -E ":(memory|pids|cpu|cpuacct|cpu,cpuacct):" /proc/self/cgroup',
    descriptors: 'ls /proc/self/fd',
    'what may be read and written':
      'for f in / /root /etc/shadow /var/log /var/lib/openshift /usr/bin/env /etc/passwd ~ /tmp /dev/shm /dev/null /sys/fs/cgroup;' +
      ' do ls -d $f/ $f >/dev/null 2>&1; a=$?; cat $f >/dev/null 2>&1; b=$?; (: > $f/probe) 2>/dev/null; echo $f $a $b $?; done',
  };
  for (const [name, command] of Object.entries(commands))
    t.equal(await login(command), await hook(command), name);
});
