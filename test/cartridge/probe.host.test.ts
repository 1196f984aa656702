/** What a cartridge's scripts see, what becomes of what they say, and that a failure leaves the gear as it was. */
import {
  existsSync,
  readFileSync,
  statSync,
  writeFileSync,
  chownSync,
  readdirSync,
  mkdirSync,
  rmSync,
} from 'node:fs';
import t from 'tap';
import { trustedOverlay } from '../../src/cartridge/hook-environment.js';
import { openCartridge } from '../../src/cartridge/installed.js';
import { processes } from '../../src/host/cgroup.js';
import { groupPath } from '../../src/gear/limits.js';
import { executeConnector } from '../../src/operations/connector.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { differences, dumpHost } from '../hosts/dump.js';
import { act, cartridgeNode, emptyGear, uuid } from './cartridge-node.js';

const node = await cartridgeNode();
const gear = await emptyGear(node);
const { home } = gear;
const data = `${home}/app-root/data`;
const read = (path: string): string => readFileSync(`${home}/${path}`, 'utf8');
const mode = (path: string): string => {
  const info = statSync(`${home}/${path}`);
  return `${(info.mode & 0o7777).toString(8)} ${info.uid}:${info.gid}`;
};
const flag = (name: string): void => {
  writeFileSync(`${data}/${name}`, '');
  chownSync(`${data}/${name}`, gear.uid, gear.gid);
};
/** Logs of what the probe was told are no part of the gear's state. */
const dump = async (): Promise<string> => (await dumpHost()).replace(/^.*control\.log.*\n/gm, '');

await t.test('a failure of any script leaves the gear as it was and tells the client why', async (t) => {
  for (const [name, exitCode, said] of [
    [
      'fail-setup',
      157,
      /^CLIENT_MESSAGE: CART_DATA: from=setup\nCLIENT_MESSAGE: out of luck\nCLIENT_ERROR: very\n$/,
    ],
    ['fail-install', 140, /^CLIENT_MESSAGE: second=8081\n/],
    ['fail-start', 157, /^CLIENT_ERROR: Failed to execute: 'control start' for .*\/probe\n$/],
    ['fail-post', 157, /^$/],
    [
      'override',
      157,
      /CLIENT_ERROR: Cartridge attempted to override the following gear environment variables: OPENSHIFT_APP_NAME\n/,
    ],
  ] as const) {
    flag(name);
    const before = await dump();
    const result = await act(node, 'probe-1.0', 'configure');
    t.equal(result.exitCode, exitCode, name);
    t.match(result.output, said, name);
    t.same(differences(before, await dump()), [], `${name}: nothing stays`);
    rmSync(`${data}/${name}`);
  }
});

await t.test('configure runs the scripts as the gear, in the cartridge, with its environment', async (t) => {
  const result = await act(node, 'embedded/probe', 'configure');
  t.equal(result.exitCode, 0);
  t.same(result.output.split('\n'), [
    'CART_DATA: from=setup',
    `CLIENT_ERROR: File declared in processed_templates does not exist and will not be rendered: ${home}/probe/conf/missing.erb`,
    "CLIENT_DEBUG: The template probe/conf/bad.erb could not be rendered: '(' is not expected here",
    'second=8081',
    'ENV_VAR_ADD: A=b',
    'CLIENT_MESSAGE: NOTIFY_ENDPOINT_CREATE: {}',
    'APP_INFO: hello',
    'CLIENT_MESSAGE: CART_DATA: no pair',
    'CLIENT_MESSAGE: SSH_KEY_ADD: AAAAAAAAAAAAAAAAAAAAAAAA',
    'plain',
    'CLIENT_RESULT: done',
    '',
  ]);
  const seen = read('probe/conf/seen');
  t.match(
    seen,
    `args --version 1.0\ncwd ${home}/probe\nid ${gear.uid}:${gear.gid}:${gear.gid}\nurl 127.0.253.129:8080\n`,
  );
  t.match(seen, /^OPENSHIFT_PROBE_IP2=127\.0\.253\.130$/m);
  t.match(seen, /^OPENSHIFT_PROBE_IDENT=test:probe:1\.0:0\.0\.1$/m);
  t.notMatch(seen, /^(SUDO|npm|TAP)/m);
  t.equal(read('app-root/runtime/.state'), 'started\n');
  t.equal(processes(node.cgroups, groupPath(node, uuid)).length, 1, 'the service lives in the gear');
});

await t.test('what is run and what is locked belongs to root, the rest to the gear', async (t) => {
  t.equal(mode('probe'), `1770 0:${gear.gid}`);
  t.equal(mode('probe/bin/setup'), `755 0:${gear.gid}`);
  t.equal(mode('probe/env'), `1770 0:${gear.gid}`);
  t.equal(mode('probe/env/OPENSHIFT_PROBE_IDENT'), `644 0:${gear.gid}`);
  t.equal(mode('probe/env/OPENSHIFT_PROBE_URL'), `644 ${gear.uid}:${gear.gid}`);
  t.equal(mode('probe/conf'), `755 0:${gear.gid}`);
  t.equal(mode('probe/conf/locked'), `644 0:${gear.gid}`);
  t.equal(mode('.probe_locked'), `644 0:${gear.gid}`);
  t.notOk(existsSync(`${home}/.env/never`));
  t.notOk(existsSync(`${home}/../outside`));
  t.notOk(existsSync(`${home}/probe/conf/made.erb`));
});

await t.test('twice is an error that changes nothing', async (t) => {
  const before = await dump();
  await t.rejects(act(node, 'probe-1.0', 'configure'), { code: 'ERR_CARTRIDGE_EXISTS', exitCode: 132 });
  await t.rejects(act(node, 'nonsense-1.0', 'configure'), { code: 'ERR_NO_CARTRIDGE', exitCode: 127 });
  t.same(await act(node, 'probe-1.0', 'jump'), {
    output: "ERROR: action 'jump' not found.\n",
    exitCode: 127,
  });
  t.same(differences(before, await dump()), []);
});

await t.test('status merges both streams; a connector may only speak to the client', async (t) => {
  t.same(await act(node, 'probe', 'status'), { output: 'CLIENT_RESULT: to stderr\n', exitCode: 0 });
  const connector = (hook: string, args: readonly string[] = []) =>
    executeConnector(node, { uuid, cartridge: 'probe', hook, args });
  t.same(await connector('publish-it', ['a b', 'c']), {
    output: 'K=8080 args=a b c\nCLIENT_MESSAGE: ENV_VAR_ADD: X=1\n',
    exitCode: 0,
  });
  for (const none of ['not-there', '../bin/setup', 'publish-http-url', ''])
    t.same(await connector(none), { output: '', exitCode: 0 }, none);
});

await t.test("the tenant's action hooks run around an action and can only speak to the client", async (t) => {
  const hooks = `${home}/app-root/runtime/repo/.openshift/action_hooks`;
  mkdirSync(hooks, { recursive: true });
  const hook = (name: string, text: string, bits = 0o755): void => {
    writeFileSync(`${hooks}/${name}`, `#!/bin/bash\n${text}\n`, { mode: bits });
  };
  hook('pre_stop', 'echo "SSH_KEY_ADD: AAAAAAAAAAAAAAAAAAAAAAAA"; echo CLIENT_RESULT: mine');
  hook('pre_stop_probe', 'export FROM_HOOK=yes; echo "ATTR: status=x"', 0o644);
  hook('post_stop_probe', 'echo "after $FROM_HOOK"', 0o644);
  hook('post_stop', 'exit 0', 0o644);
  const result = await act(node, 'probe', 'stop');
  t.same(result.output.split('\n').slice(0, 4), [
    'CLIENT_MESSAGE: SSH_KEY_ADD: AAAAAAAAAAAAAAAAAAAAAAAA',
    'CLIENT_MESSAGE: mine',
    'CLIENT_MESSAGE: ATTR: status=x',
    'after yes',
  ]);
  t.match(result.output, /NOTE: The \.openshift\/action_hooks\/post_stop hook of phpapp is not executable/);
  t.equal(read('app-root/runtime/.state'), 'stopped\n');
  rmSync(hooks, { recursive: true });
  t.equal((await act(node, 'probe', 'start')).exitCode, 0);
});

await t.test('a tenant cannot steer the scripts whose words the broker acts on', async (t) => {
  const evil = `${data}/evil`;
  mkdirSync(evil);
  writeFileSync(`${evil}/say`, 'echo "SSH_KEY_ADD: AAAAAAAAAAAAAAAAAAAAAAAA"\n');
  writeFileSync(`${evil}/tr`, '#!/bin/bash\necho EVIL\n', { mode: 0o755 });
  const env = `${home}/probe/env`;
  const plant = {
    BASH_ENV: `${evil}/say`,
    ENV: `${evil}/say`,
    OPENSHIFT_PROBE_PATH_ELEMENT: evil,
    OPENSHIFT_CARTRIDGE_SDK_BASH: `${evil}/say`,
    LD_PRELOAD: `${evil}/none.so`,
    OPENSSL_CONF: `${evil}/say`,
    TAR_OPTIONS: '--checkpoint-action=exec=say',
    ANY_OTHER: 'word',
  };
  for (const [name, value] of Object.entries(plant)) {
    writeFileSync(`${env}/${name}`, value);
    chownSync(`${env}/${name}`, gear.uid, gear.gid);
  }
  const overlay = trustedOverlay(node, gear, openCartridge(gear, 'probe-1.0'));
  for (const name of ['BASH_ENV', 'LD_PRELOAD', 'OPENSSL_CONF', 'TAR_OPTIONS', 'ANY_OTHER'])
    t.equal(overlay[name], '', `${name} says nothing`);
  const result = await act(node, 'probe-1.0', 'deconfigure');
  t.equal(result.exitCode, 0);
  t.equal(result.output, 'APP_ENV_VAR_REMOVE: PROBE_testprobe\n');
  t.notOk(existsSync(`${home}/probe`));
  t.same(
    readdirSync(`${home}/.env`).filter((name) => name.includes('PROBE')),
    [],
  );
  t.equal(processes(node.cgroups, groupPath(node, uuid)).length, 0, 'nothing of it runs');
});

await t.test('a cartridge of the old layout goes from configure to deconfigure as root', async (t) => {
  t.same(await act(node, 'oldie-1.0', 'configure'), {
    output: 'CLIENT_RESULT: oldie added to phpapp-demo as root\non stderr\n',
    exitCode: 0,
  });
  t.same(await act(node, 'embedded/oldie-1.0', 'status', ['more']), {
    output: `CLIENT_RESULT: arguments phpapp demo ${uuid} more\n`,
    exitCode: 3,
  });
  t.equal((await act(node, 'oldie-1.0', 'configure')).exitCode, 132);
  t.same(await act(node, 'oldie-1.0', 'tidy'), {
    output: "ERROR: action 'tidy' not found.\n",
    exitCode: 127,
  });
  t.same(await act(node, 'oldie-1.0', 'deconfigure'), {
    output: 'CLIENT_RESULT: oldie removed\n',
    exitCode: 0,
  });
  t.equal(processes(node.cgroups, `${node.config.cgroupRoot}/.node`).length, 0, 'what the hook left is gone');
});

await destroyGear(node, { uuid });
