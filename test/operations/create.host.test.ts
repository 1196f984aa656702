/** An empty gear, made and removed in a disposable host. */
import t from 'tap';
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { execa } from 'execa';
import { findAccount } from '../../src/native/accounts.js';
import { listGears, openGear } from '../../src/gear/gear.js';
import { layersInForce } from '../../src/gear/layers.js';
import { readState } from '../../src/gear/state.js';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { dumpHost } from '../hosts/dump.js';
import { hostNode } from './host-node.js';

const uuid = 'cc9beb39785a45b9b97bdc6951fc8dbf';
const request = { uuid, appUuid: uuid, appName: 'phpapp', name: 'phpapp', namespace: 'demo' };

function shape(path: string): string {
  const info = lstatSync(path);
  return `${(info.mode & 0o7777).toString(8)} ${info.uid}:${info.gid}`;
}

t.test('a gear is made as the contract says, and removed to the last trace', async (t) => {
  const node = await hostNode();
  const before = await dumpHost();

  t.same(await createGear(node, request), { output: '', exitCode: 0 });
  const home = `/var/lib/openshift/${uuid}`;
  t.match(findAccount(uuid), {
    uid: 507,
    gid: 507,
    home,
    gecos: 'OpenShift guest',
    shell: node.config.gearShell,
  });
  t.match(openGear(node, uuid), {
    uid: 507,
    home,
    name: 'phpapp',
    appName: 'phpapp',
    namespace: 'demo',
    dns: 'phpapp-demo.example.com',
  });
  t.same(listGears(node), [uuid]);
  t.equal(readState(openGear(node, uuid)), 'new');

  const expected: Record<string, string> = {
    '': '750 0:507',
    '/.tmp': '700 0:0',
    '/.tmp/tmp': '1700 507:507',
    '/.tmp/var-tmp': '1700 507:507',
    '/.tmp/shm': '1700 507:507',
    '/.sandbox': '0 0:0',
    '/.env': '750 0:507',
    '/.env/user_vars': '770 0:507',
    '/.env/OPENSHIFT_GEAR_DNS': '644 0:507',
    '/.ssh': '750 0:507',
    '/.ssh/authorized_keys': '440 0:507',
    '/app-root': '750 0:507',
    '/app-root/data': '750 507:507',
    '/app-root/logs': '750 507:507',
    '/app-root/runtime': '750 507:507',
    '/app-root/runtime/repo': '750 507:507',
    '/app-root/runtime/.state': '660 507:507',
    '/app-deployments': '750 507:507',
    '/git': '750 0:507',
  };
  for (const [path, value] of Object.entries(expected))
    t.equal(shape(`${home}${path}`), value, path === '' ? 'home' : path);
  t.equal(readlinkSync(`${home}/app-root/repo`), 'runtime/repo');
  t.equal(readFileSync(`${home}/.env/OPENSHIFT_APP_DNS`, 'utf8'), 'phpapp-demo.example.com');
  t.equal(readFileSync(`${home}/app-root/runtime/.state`, 'utf8'), 'new\n');

  const confinement = readFileSync(`/var/lib/openshift/.confinement/${uuid}`, 'utf8');
  t.match(confinement, /^uuid=cc9beb39785a45b9b97bdc6951fc8dbf\nuid=507\ngid=507\n/);
  t.match(confinement, /\nrlimit\.nproc=250:250\n/);
  t.match(confinement, new RegExp(`\\nmount=${home}/.tmp/tmp /tmp\\n`));
  t.equal(shape(`/var/lib/openshift/.confinement/${uuid}`), '640 0:507');

  const { v1, v2 } = node.cgroups;
  if (v1.memory !== undefined) {
    t.equal(readFileSync(`${v1.memory}/openshift/${uuid}/memory.limit_in_bytes`, 'utf8').trim(), '536870912');
  }
  if (v1.cpu !== undefined)
    t.equal(readFileSync(`${v1.cpu}/openshift/${uuid}/cpu.shares`, 'utf8').trim(), '128');
  if (v1.pids !== undefined)
    t.equal(readFileSync(`${v1.pids}/openshift/${uuid}/pids.max`, 'utf8').trim(), '250');
  if (v2 !== undefined) t.ok(statSync(`${v2}/openshift/${uuid}/gear`).isDirectory());
  t.same(readdirSync('/var/lib/openshift/.journal'), []);

  await createGear(node, { ...request, uuid: 'second', name: 'second' });
  t.equal(findAccount('second')?.uid, 508);
  await destroyGear(node, { uuid: 'second' });

  const destroyed = await destroyGear(node, { uuid });
  t.equal(destroyed.exitCode, 0);
  t.equal(destroyed.output, '');
  t.equal(await dumpHost(), before);
  t.same(await destroyGear(node, { uuid }), { output: '', exitCode: 0 }, 'again: it is already so');
});

t.test('the account files are still what the tools of the system expect', async (t) => {
  const node = await hostNode();
  await createGear(node, request);
  for (const argv of [
    ['pwck', '-r', '-q'],
    ['grpck', '-r', '-q'],
  ] as const) {
    const { stdout } = await execa(`/usr/sbin/${argv[0]}`, argv.slice(1), { reject: false });
    t.notMatch(stdout, /cc9beb/);
  }
  t.match(
    (await execa('id', [uuid])).stdout,
    /^uid=507\(cc9beb39785a45b9b97bdc6951fc8dbf\) gid=507\(\S+\) groups=507\(\S+\)$/,
  );
  await destroyGear(node, { uuid });
});

t.test('freed uids are used again, lowest first; --with-uid is honoured or refused', async (t) => {
  const node = await hostNode({ firstUid: 507, lastUid: 510 });
  for (const name of ['a', 'b', 'c']) await createGear(node, { ...request, uuid: name });
  await destroyGear(node, { uuid: 'b' });
  await createGear(node, { ...request, uuid: 'd' });
  t.equal(findAccount('d')?.uid, 508);
  await t.rejects(createGear(node, { ...request, uuid: 'e', uid: 508 }), {
    exitCode: 129,
    message: /^uid or gid exists on node/,
  });
  await createGear(node, { ...request, uuid: 'e', uid: '510' });
  t.equal(findAccount('e')?.uid, 510);
  await t.rejects(createGear(node, { ...request, uuid: 'f' }), {
    exitCode: 129,
    message: /All uids from 507 to 510 are taken/,
  });
  await t.rejects(createGear(node, { ...request, uuid: 'f', uid: 506 }), {
    exitCode: 129,
    code: 'ERR_UID_RANGE',
  });
  await t.rejects(createGear(node, { ...request, uuid: 'a' }), { exitCode: 129, code: 'ERR_GEAR_EXISTS' });
  await t.rejects(createGear(node, { ...request, uuid: '509' }), { exitCode: 129, code: 'ERR_UUID_IS_UID' });
  for (const name of ['a', 'c', 'd', 'e']) await destroyGear(node, { uuid: name });
  t.same(listGears(node), []);
});

t.test(
  'a uuid that is the name of a group or of an account of the system is refused, and both stay',
  async (t) => {
    const node = await hostNode();
    const before = await dumpHost();
    for (const name of ['adm', 'staff', 'root', 'daemon', 'shadow']) {
      await t.rejects(
        createGear(node, { ...request, uuid: name }),
        { code: 'ERR_GEAR_EXISTS', exitCode: 129 },
        name,
      );
    }
    t.equal(await dumpHost(), before);
  },
);

t.test('two creates of one uuid at once: one gear, one refusal', async (t) => {
  const node = await hostNode();
  const results = await Promise.allSettled(
    [1, 2, 3].map(() => createGear(node, { ...request, uuid: 'twice' })),
  );
  t.same(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected']);
  for (const result of results) {
    if (result.status === 'rejected') t.match(result.reason, { exitCode: 129, code: 'ERR_GEAR_EXISTS' });
  }
  await destroyGear(node, { uuid: 'twice' });
});

t.test('many gears at once', async (t) => {
  const node = await hostNode();
  const before = await dumpHost();
  const names = Array.from({ length: 20 }, (_, n) => `gear${n}`);
  await Promise.all(names.map((name) => createGear(node, { ...request, uuid: name })));
  t.same(new Set(names.map((name) => findAccount(name)?.uid)).size, 20);
  await Promise.all(names.map((name) => destroyGear(node, { uuid: name })));
  t.equal(await dumpHost(), before);
});

t.test('a layer that node.conf demands and the machine lacks keeps gears away', async (t) => {
  const node = await hostNode({ config: ['REQUIRE_LAYERS=quota'] });
  const { quota } = layersInForce(node);
  t.type(quota, 'boolean');
  if (quota) return;
  await t.rejects(createGear(node, request), { code: 'ERR_LAYER_ABSENT', exitCode: 129, message: /quota/ });
  t.equal(findAccount(uuid), undefined);
  await createGear(await hostNode({ config: ['REQUIRE_LAYERS=seccomp'] }), request);
  await destroyGear(node, { uuid });
});
