/** Keys, variables, broker credentials and states of a gear, set and read back. */
import t from 'tap';
import { execa } from 'execa';
import { existsSync, lstatSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { openGear } from '../../src/gear/gear.js';
import { gearEnvironment, readEnvironment } from '../../src/gear/environment.js';
import { listKeys } from '../../src/gear/keys.js';
import {
  clearStopLock,
  readState,
  readStopLock,
  setStopLock,
  statusAttribute,
  writeState,
} from '../../src/gear/state.js';
import { addBrokerAuth, dropBrokerAuth } from '../../src/operations/broker-auth.js';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { addAuthorizedKey, removeAuthorizedKey, replaceAuthorizedKeys } from '../../src/operations/keys.js';
import { showState } from '../../src/operations/state.js';
import { addVariable, dropVariable } from '../../src/operations/variables.js';
import { hostNode } from './host-node.js';

const node = await hostNode();
const uuid = 'g1';
await createGear(node, { uuid, appName: 'phpapp', namespace: 'demo' });
const gear = openGear(node, uuid);
const home = gear.home;

function shape(path: string): string {
  const info = lstatSync(path);
  return `${(info.mode & 0o7777).toString(8)} ${info.uid}:${info.gid}`;
}

async function newKey(name: string): Promise<string> {
  await execa('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', `/root/${name}`]);
  return readFileSync(`/root/${name}.pub`, 'utf8').split(' ')[1] ?? '';
}

t.test('keys: add, replace by comment, remove, many at once', async (t) => {
  const [one, two] = [await newKey('one'), await newKey('two')];
  const file = `${home}/.ssh/authorized_keys`;
  t.same(await addAuthorizedKey(node, { uuid, key: one, type: 'ssh-rsa', comment: 'default' }), {
    output: '',
    exitCode: 0,
  });
  t.equal(
    readFileSync(file, 'utf8'),
    `command="${node.config.gearShell}",restrict,pty ssh-rsa ${one} OPENSHIFT-g1-default\n`,
  );
  t.equal(shape(file), '440 0:507');
  const { stdout } = await execa('ssh-keygen', ['-l', '-f', file]);
  t.match(stdout, /^2048 SHA256:/);
  await addAuthorizedKey(node, { uuid, key: two, type: '', comment: 'default' });
  t.same(
    listKeys(gear).map(({ key }) => key),
    [two],
  );
  await addAuthorizedKey(node, { uuid, key: one, comment: 'second' });
  await addAuthorizedKey(node, { uuid, key: one, comment: 'second' });
  t.equal(listKeys(gear).length, 2);
  await removeAuthorizedKey(node, { uuid, key: one, comment: 'default' });
  t.equal(listKeys(gear).length, 2, 'key and comment must both fit');
  await removeAuthorizedKey(node, { uuid, comment: 'default' });
  t.same(
    listKeys(gear).map(({ id }) => id),
    ['OPENSHIFT-g1-second'],
  );
  await removeAuthorizedKey(node, { uuid, key: one });
  t.equal(readFileSync(file, 'utf8'), '');
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => addAuthorizedKey(node, { uuid, key: one, comment: `k${n}` })),
  );
  t.equal(listKeys(gear).length, 20, 'none lost');
  await replaceAuthorizedKeys(node, { uuid, keys: [] });
  t.equal(listKeys(gear).length, 0);
  for (const input of [
    { key: 'AAAA' },
    { key: one, type: 'x' },
    { key: one, comment: 'a\nb' },
    { key: `${one}\nssh-rsa ${two}` },
  ]) {
    await t.rejects(addAuthorizedKey(node, { uuid, ...input }), { code: 'ERR_BAD_KEY', exitCode: 255 });
  }
  t.equal(readFileSync(file, 'utf8'), '');
  await t.rejects(addAuthorizedKey(node, { uuid: 'nosuch', key: one }), { code: 'ERR_NO_GEAR' });
});

t.test('variables: raw values in root-owned files, platform names refused', async (t) => {
  const value = 'it\'s "quoted"\n$(id) `x` \\';
  await addVariable(node, { uuid, name: 'OPENSHIFT_MYSQL_DB_URL', value });
  t.equal(readFileSync(`${home}/.env/OPENSHIFT_MYSQL_DB_URL`, 'utf8'), value);
  t.equal(shape(`${home}/.env/OPENSHIFT_MYSQL_DB_URL`), '644 0:507');
  t.equal(gearEnvironment(node, gear)['OPENSHIFT_MYSQL_DB_URL'], value);
  await dropVariable(node, { uuid, name: 'OPENSHIFT_MYSQL_DB_URL' });
  await dropVariable(node, { uuid, name: 'OPENSHIFT_MYSQL_DB_URL' });
  t.notOk('OPENSHIFT_MYSQL_DB_URL' in readEnvironment(gear));
  for (const name of ['../X', 'A B', '', 'OPENSHIFT_GEAR_UUID', 'HOME']) {
    await t.rejects(addVariable(node, { uuid, name, value: 'x' }), { exitCode: 255, message: /\./ }, name);
  }
  await t.rejects(dropVariable(node, { uuid, name: 'OPENSHIFT_GEAR_UUID' }), {
    exitCode: 255,
    message: /platform/,
  });
});

t.test("what a tenant plants among the variables of a cartridge or a user stays the tenant's", async (t) => {
  const { Directory } = await import('../../src/native/beneath.js');
  const root = Directory.open(home);
  const owner = { uid: gear.uid, gid: gear.gid };
  root.makeDirectory('php', { mode: 0o1770, owner: { uid: 0, gid: gear.gid } });
  root.makeDirectory('php/env', { mode: 0o1770, owner: { uid: 0, gid: gear.gid } });
  root.write('php/env/FROM_CARTRIDGE', 'yes', { mode: 0o644, owner });
  symlinkSync('/etc/shadow', `${home}/php/env/STOLEN`);
  root.write('.env/user_vars/MINE', 'mine', { mode: 0o644, owner });
  root.write('.env/user_vars/LD_PRELOAD', '/evil.so', { mode: 0o644, owner });
  root.write('.env/user_vars/OPENSHIFT_GEAR_UUID', 'other', { mode: 0o644, owner });
  root.close();
  const variables = gearEnvironment(node, gear);
  t.match(variables, {
    FROM_CARTRIDGE: 'yes',
    MINE: 'mine',
    OPENSHIFT_GEAR_UUID: 'g1',
    USER: 'g1',
    PATH: '/bin:/usr/bin:/usr/sbin',
  });
  t.notOk('STOLEN' in variables);
  t.notOk('LD_PRELOAD' in variables);
});

t.test('broker credentials, byte for byte', async (t) => {
  const iv = 'JGN7rFmb\nl1xAPsaP9rPs==\n';
  await addBrokerAuth(node, { uuid, iv, token: 'ilTK4mfW\n' });
  t.equal(readFileSync(`${home}/.auth/iv`, 'utf8'), iv);
  t.equal(readFileSync(`${home}/.auth/token`, 'utf8'), 'ilTK4mfW\n');
  t.equal(shape(`${home}/.auth`), '750 0:507');
  t.equal(shape(`${home}/.auth/token`), '640 0:507');
  await addBrokerAuth(node, { uuid, iv: 'x', token: 'y' });
  t.equal(readFileSync(`${home}/.auth/iv`, 'utf8'), 'x');
  await dropBrokerAuth(node, { uuid });
  await dropBrokerAuth(node, { uuid });
  t.notOk(existsSync(`${home}/.auth`));
  await t.rejects(addBrokerAuth(node, { uuid, iv: '', token: 'y' }), { exitCode: 255, message: /iv/ });
});

t.test('state word and stop lock, also where a tenant has put links', async (t) => {
  t.equal(showState(node, { uuid }), 'new');
  writeState(node, gear, 'started');
  t.equal(readFileSync(`${home}/app-root/runtime/.state`, 'utf8'), 'started\n');
  t.equal(shape(`${home}/app-root/runtime/.state`), '640 507:507');
  t.equal(statusAttribute(gear), undefined);
  writeState(node, gear, 'idle');
  t.equal(statusAttribute(gear), 'ATTR: status=ALREADY_IDLED');
  setStopLock(node, gear, 'because');
  setStopLock(node, gear, 'again');
  t.equal(readStopLock(gear), 'because');
  t.equal(statusAttribute(gear), 'ATTR: status=ALREADY_STOPPED');
  clearStopLock(gear);
  clearStopLock(gear);
  t.equal(readStopLock(gear), undefined);

  writeFileSync('/root/precious', 'precious');
  rmSync(`${home}/app-root/runtime/.state`);
  symlinkSync('/root/precious', `${home}/app-root/runtime/.state`);
  t.equal(readState(gear), 'unknown');
  writeState(node, gear, 'stopped');
  t.equal(readFileSync('/root/precious', 'utf8'), 'precious');
  t.ok(lstatSync(`${home}/app-root/runtime/.state`).isFile());
  symlinkSync('/root/precious', `${home}/app-root/runtime/.stop_lock`);
  t.equal(readStopLock(gear), '');
  t.equal(readFileSync('/root/precious', 'utf8'), 'precious');
});

t.teardown(() => destroyGear(node, { uuid }));
