/**
 * Every door into a gear, seen from /proc while it is open: a hook, an SSH command, an sftp session, a program that a
 * push starts, and the Apache that is its service are confined alike; and when the gear is stopped none of them lives.
 */
import t, { type Test } from 'tap';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync, chmodSync } from 'node:fs';
import { callAction } from '../../src/actions/call.js';
import { launchInGear } from '../../src/gear/execute.js';
import { openGear } from '../../src/gear/gear.js';
import { enabled } from '../../src/native/selinux.js';
import { command, desk, git, publicKey, run, seedNode } from '../seed/seed-node.js';
import { awaitProcess, inode, processesOf, viewProcess, type ProcessView } from './process-view.js';

t.setTimeout(5 * 60_000);
process.env['LEAK'] = 'of the node';
const uuid = 'cc9beb39785a45b9b97bdc6951fc8dbf';
const node = await seedNode();
const act = async (cartridge: string, action: string, args: unknown): Promise<void> => {
  const reply = await callAction(node, 'cartridge_do', { cartridge, action, args });
  if (reply.exitcode !== 0) throw new Error(`${action}: ${String(reply.output)}`);
};
await act('openshift-origin-node', 'app-create', {
  '--with-container-name': 'phpapp',
  '--with-app-name': 'phpapp',
  '--with-container-uuid': uuid,
  '--with-app-uuid': uuid,
  '--with-namespace': 'demo',
});
const [type, key] = publicKey();
await act('openshift-origin-node', 'authorized-ssh-key-add', {
  '--with-container-uuid': uuid,
  '--with-ssh-key': key,
  '--with-ssh-key-type': type,
  '--with-ssh-key-comment': 'pat',
});
await act('php-5.3', 'configure', `'phpapp' 'demo' '${uuid}'`);

const gear = openGear(node, uuid);
const nothing = '0000000000000000';
const sshArguments = [
  ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
  ...['-i', `${desk}/key`],
];
const open: ChildProcess[] = [];

function session(...argv: string[]): void {
  open.push(spawn('/usr/bin/ssh', [...sshArguments, ...argv], { stdio: ['pipe', 'ignore', 'ignore'] }));
}

interface Expected {
  readonly group: RegExp;
  /** Descriptors beyond 0, 1 and 2 that the program opens itself; absent: none. */
  readonly more?: RegExp;
}

function confined(t: Test, view: ProcessView, { group, more }: Expected): void {
  const { uid, gid } = gear;
  t.equal(view.uids, `${uid} ${uid} ${uid} ${uid}`);
  t.equal(view.gids, `${gid} ${gid} ${gid} ${gid}`);
  t.match(view.groups, new RegExp(`^(${gid})?$`), 'no group beside its own');
  t.same(view.capabilities, {
    effective: nothing,
    permitted: nothing,
    bounding: nothing,
    ambient: nothing,
    inheritable: nothing,
  });
  t.equal(view.noNewPrivileges, '1');
  t.equal(view.seccomp, '2', 'a filter');
  t.match(view.cgroups['v2'], group);
  for (const controller of ['cpu', 'memory', 'pids'] as const) {
    const path = view.cgroups[controller];
    if (path !== undefined) t.equal(path, `/openshift/${uuid}`, `limits of ${controller}`);
  }
  t.same(
    view.temporary,
    ['tmp', 'var-tmp', 'shm'].map((name) => inode(`${gear.home.replace(/\/$/, '')}/.tmp/${name}`)),
    "the gear's own /tmp, /var/tmp and /dev/shm",
  );
  if (enabled()) t.match(view.label, /openshift_t/);
  const extra = Object.entries(view.descriptors).filter(([number]) => Number(number) > 2);
  t.same(
    extra.filter(([, what]) => more === undefined || !more.test(what)),
    [],
    'no descriptor that it did not open',
  );
  t.match(Object.keys(view.descriptors), ['0', '1', '2']);
  t.equal(view.environment['LEAK'], undefined, 'nothing of the environment of the node');
  t.equal(view.environment['OPENSHIFT_GEAR_UUID'], uuid);
  t.equal(view.environment['HOME']?.replace(/\/$/, ''), gear.home.replace(/\/$/, ''));
}

await t.test('a hook', async (t) => {
  const launched = await launchInGear(node, gear, { file: '/bin/sleep', argv: ['sleep', '71.1'] });
  // The launch is known to be executed a moment before the kernel shows the new program's environment.
  await awaitProcess(gear.uid, /^sleep 71\.1$/);
  confined(t, viewProcess(launched.pid), { group: /\/hook-/ });
  launched.kill();
  t.match(await launched.result, { aborted: true });
});

await t.test('an SSH command', async (t) => {
  session(`${uuid}@127.0.0.1`, 'exec sleep 72.1');
  confined(t, viewProcess(await awaitProcess(gear.uid, /^sleep 72\.1$/)), {
    group: new RegExp(`/${uuid}/gear$`),
  });
});

await t.test('an sftp session', async (t) => {
  session('-s', `${uuid}@127.0.0.1`, 'sftp');
  confined(t, viewProcess(await awaitProcess(gear.uid, /sftp-server/)), {
    group: new RegExp(`/${uuid}/gear$`),
  });
});

await t.test('what a push starts', async (t) => {
  const clone = `${desk}/doors`;
  await git(desk, 'clone', '-q', `ssh://${uuid}@127.0.0.1/~/git/phpapp.git`, clone);
  mkdirSync(`${clone}/.openshift/action_hooks`, { recursive: true });
  writeFileSync(`${clone}/.openshift/action_hooks/deploy`, '#!/bin/bash\nexec sleep 73.1\n');
  chmodSync(`${clone}/.openshift/action_hooks/deploy`, 0o755);
  await git(clone, 'add', '-A', '.');
  await git(clone, 'commit', '-q', '-m', 'sleep while deploying');
  const pushed = git(clone, 'push', '-q', 'origin', 'HEAD:master').catch((error: unknown) => error);
  const pid = await awaitProcess(gear.uid, /^sleep 73\.1$/);
  confined(t, viewProcess(pid), { group: new RegExp(`/${uuid}/gear$`) });
  const receiver = await awaitProcess(gear.uid, /post-receive|gear.*postreceive/);
  confined(t, viewProcess(receiver), {
    group: new RegExp(`/${uuid}/gear$`),
    more: /^(pipe|anon_inode|\/dev\/null|\/usr\/libexec\/openshift\/|\/proc|.*post-receive$|.*\/git\/phpapp\.git|.*\/\.deploy_lock$)/,
  });
  process.kill(pid, 'SIGTERM');
  await pushed;
});

await t.test('a running Apache', async (t) => {
  await act('php-5.3', 'restart', `'phpapp' 'demo' '${uuid}'`);
  const pid = await awaitProcess(gear.uid, /apache2|httpd/);
  confined(t, viewProcess(pid), {
    group: new RegExp(`/openshift/${uuid}/`),
    more: /^(pipe|socket|anon_inode|\/dev\/(null|urandom|zero)|\/tmp\/\.ZendSem|.*\/(app-root\/logs|php-5\.3|\.tmp)\/)/,
  });
});

await t.test('after stopgear no process of the gear lives, wherever it was started', async (t) => {
  session(`${uuid}@127.0.0.1`, 'setsid nohup sleep 74.1 >/dev/null 2>&1 & exec sleep 74.2');
  await awaitProcess(gear.uid, /^sleep 74\.1$/);
  await awaitProcess(gear.uid, /^sleep 74\.2$/);
  t.ok(processesOf(gear.uid).length >= 4, 'there is something to stop');
  await run(command('oo-admin-ctl-gears'), ['stopgear', uuid]);
  t.same(processesOf(gear.uid), []);
});

for (const child of open) child.kill();
