/**
 * expose-port, conceal-port and show-port on gears with cartridges: what they answer, what a full range and a name that
 * is not there answer, and that nobody's port is ever somebody else's.
 */
import t from 'tap';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { callAction } from '../../src/actions/call.js';
import { installCartridge } from '../../src/cartridge/repository.js';
import { observeEffects } from '../../src/native/effect.js';
import { OoError } from '../../src/native/error.js';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { recover } from '../../src/operations/recover.js';
import { act, cartridgeNode, emptyGear, fixtures, uuid } from '../cartridge/cartridge-node.js';
import { differences, dumpHost } from '../hosts/dump.js';

t.setTimeout(300_000);
const node = await cartridgeNode();
await installCartridge(node, `${fixtures}/wide`);
const gear = await emptyGear(node);
const variable = `${gear.home}/.env/OPENSHIFT_PHP_PROXY_PORT`;

function data(dns: string, port: number, host: string, inner: number): string {
  const lines = [`PROXY_HOST=${dns}`, `PROXY_PORT=${port}`, `HOST=${host}`, `PORT=${inner}`];
  return lines.map((line) => `CART_DATA: ${line}\n`).join('');
}

/** The host once a web server that has just been started has all its helpers, and its starter has ended. */
async function settledHost(): Promise<string> {
  let last = '';
  for (let now = await dumpHost(); now !== last; now = await dumpHost()) {
    last = now;
    await sleep(300);
  }
  return last;
}

const ports = async () => [...(await node.forwarding.list())].sort(([a], [b]) => a - b);
const claims = () => readdirSync(node.paths.ports).sort();
const claim = (port: number, text: string) => writeFileSync(`${node.paths.ports}/${port}`, text);

/** As a broker asks, by position. */
async function ask(
  cartridge: string,
  action: string,
  name = 'phpapp',
  id = uuid,
): Promise<[number, unknown]> {
  const args = `'${name}' 'demo' '${id}'`;
  const reply = await callAction(node, 'cartridge_do', { cartridge, action, args });
  return [reply.exitcode, reply.output];
}

await t.test('four lines, the same ones again, under every name and with named arguments', async (t) => {
  t.equal((await act(node, 'php-5.3', 'configure')).exitCode, 0);
  const before = await settledHost();
  const none = 'CLIENT_RESULT: No proxy ports defined\n';
  t.same(await ask('php-5.3', 'show-port'), [0, none]);
  t.same(await ask('php-5.3', 'conceal-port'), [0, ''], 'nothing to conceal is no failure');
  t.same(differences(before, await dumpHost()), []);

  const four = data('phpapp-demo.example.com', 35_566, '127.0.253.129', 8080);
  t.same(await ask('php-5.3', 'expose-port'), [0, four]);
  t.equal(readFileSync(variable, 'utf8'), '35566');
  t.same(await ports(), [[35_566, '127.0.253.129:8080']]);
  const exposed = await settledHost();
  for (const name of ['php-5.3', 'embedded/php-5.3', 'php-8.2', 'php'])
    for (const action of ['expose-port', 'show-port']) t.same(await ask(name, action), [0, four], name);
  const named = await callAction(node, 'cartridge_do', {
    cartridge: 'openshift-origin-node',
    action: 'expose-port',
    args: { '--cart-name': 'php-5.3', '--with-container-uuid': uuid },
  });
  t.same([named.exitcode, named.output], [0, four]);
  t.same(differences(exposed, await dumpHost()), [], 'nothing of that changes anything');

  t.same(await ask('php-5.3', 'conceal-port'), [0, '']);
  t.same([existsSync(variable), claims(), await ports()], [false, [], []]);
  t.same(differences(before, await dumpHost()), []);
});

await t.test('a cartridge with several endpoints has a port for each, all or none', async (t) => {
  t.equal((await act(node, 'wide-1.0', 'configure')).exitCode, 0);
  await ask('php-5.3', 'expose-port');
  const lines = [9001, 9002, 9003].map((inner, index) =>
    data('phpapp-demo.example.com', 35_567 + index, '127.0.253.129', inner),
  );
  t.same(await ask('wide-1.0', 'expose-port'), [0, lines.join('')]);
  t.equal((await ports()).length, 4);
  await ask('wide-1.0', 'conceal-port');
  t.same(claims(), ['35566']);

  claim(35_568, 'f00 127.0.0.1:80 X\n');
  claim(35_569, 'f00 127.0.0.1:81 Y\n');
  const before = await settledHost();
  t.same(await ask('wide-1.0', 'expose-port'), [67, 'All ports are taken, cannot add more\n']);
  t.same(differences(before, await dumpHost()), [], 'what does not fit whole is not begun');
  t.same(await ports(), [[35_566, '127.0.253.129:8080']]);
  t.equal((await act(node, 'wide-1.0', 'deconfigure')).exitCode, 0);
  t.same(await ask('wide-1.0', 'expose-port').then(([code]) => code), 1, 'a cartridge that is not there');
});

await t.test('a gear whose uid counts the same ports takes what is free of them', async (t) => {
  await destroyGear(node, { uuid });
  t.same(claims(), ['35568', '35569'], 'the ports of others stay');
  await emptyGear(node);
  await act(node, 'php-5.3', 'configure');
  const other = { uuid: 'wrapped', appName: 'other', namespace: 'demo' };
  await createGear(node, { ...other, uid: 507 + 6001 });
  const run = (id: string, name: string) => ask('php-5.3', 'expose-port', name, id);
  await callAction(node, 'cartridge_do', {
    cartridge: 'php-5.3',
    action: 'configure',
    args: "'other' 'demo' 'wrapped'",
  });
  const both = await Promise.all([run(uuid, 'phpapp'), run('wrapped', 'other')]);
  t.same(
    both.map(([code]) => code),
    [0, 0],
  );
  const given = both.map(([, output]) => /PROXY_PORT=(\d+)/.exec(String(output))?.[1]);
  t.same(given.toSorted(), ['35566', '35567']);
  t.same(await run('wrapped', 'other'), both[1]);
  await destroyGear(node, { uuid: 'wrapped' });
  t.same(await run(uuid, 'phpapp'), both[0], 'the other one’s end does not touch it');
  t.equal((await ports()).length, 1);
});

await t.test(
  'in a gear of its own a cartridge exposes itself, and takes that back when it fails',
  async (t) => {
    await createGear(node, { uuid: 'own', name: 'abcdef0123', appName: 'phpapp', namespace: 'demo' });
    const before = await settledHost();
    const [code, output] = await ask('wide-1.0', 'configure', 'abcdef0123', 'own');
    t.equal(code, 0);
    t.match(
      String(output),
      /^CART_DATA: PROXY_HOST=abcdef0123-demo\.example\.com\nCART_DATA: PROXY_PORT=35571\n/,
    );
    t.equal(claims().length, 6);
    t.equal((await ask('wide-1.0', 'deconfigure', 'abcdef0123', 'own'))[0], 0);
    const left = differences(before, await dumpHost()).filter((line) => !/\/\.state|NAMESPACE/.test(line));
    t.same(left, [], 'its removal gives the ports back');

    for (const port of [35_571, 35_572, 35_573]) claim(port, 'f00 127.0.0.1:80 X\n');
    const full = await settledHost();
    const refused = await ask('wide-1.0', 'configure', 'abcdef0123', 'own');
    t.equal(refused[0], 67);
    t.match(String(refused[1]), /^All ports are taken, cannot add more: .*35571 to 35575/);
    t.same(differences(full, await dumpHost()), []);
    await destroyGear(node, { uuid: 'own' });
  },
);

/** The changes of the host that `work` makes; the one numbered `failing` is refused. */
async function changesOf(work: () => Promise<unknown>, failing = 0): Promise<string[]> {
  const names: string[] = [];
  observeEffects((name, detail) => {
    names.push(`${name} ${detail}`);
    if (names.length === failing) throw new OoError(`No ${name} now.`, { code: 'ERR_TEST' });
  });
  try {
    await work();
  } finally {
    observeEffects(undefined);
  }
  return names;
}

const ofKernel = (names: readonly string[]): number =>
  names.filter((name) => name.startsWith('packet-rules ')).length;

await t.test('each change of an exposition fails once: nothing is left of it', async (t) => {
  await ask('php-5.3', 'conceal-port');
  const before = await settledHost();
  const changes = await changesOf(() => ask('php-5.3', 'expose-port'));
  t.ok(changes.length >= 5, `${changes.length} changes`);
  t.equal(ofKernel(changes), 1, 'one transaction of the kernel');
  const again = await changesOf(() => ask('php-5.3', 'expose-port'));
  const made = again.filter((name) => !name.startsWith('launch '));
  t.same(made, [], 'the same again looks at the kernel and changes nothing');
  t.equal(ofKernel(await changesOf(() => ask('php-5.3', 'conceal-port'))), 1);
  for (let at = 1; at < changes.length; at += 1) {
    let code = 0;
    await changesOf(async () => ([code] = await ask('php-5.3', 'expose-port')), at);
    t.not(code, 0, `change ${at} fails`);
    await recover(node);
    t.same(differences(before, await dumpHost()), [], `change ${at}`);
    t.same(await ports(), [], `change ${at}`);
  }
  t.equal((await ask('php-5.3', 'expose-port'))[0], 0);
  await destroyGear(node, { uuid, skipHooks: true });
  t.same(await ports(), [], 'a destroy without hooks gives the ports back too');
});

await t.test('each change of a configure that exposes fails once: nothing is left of it', async (t) => {
  await createGear(node, { uuid: 'own', name: 'abcdef0123', appName: 'phpapp', namespace: 'demo' });
  const before = await settledHost();
  const configure = () => ask('wide-1.0', 'configure', 'abcdef0123', 'own').catch((error: unknown) => error);
  const changes = await changesOf(configure);
  t.equal(ofKernel(changes), 1, `one transaction of the kernel among ${changes.length} changes`);
  t.equal(ofKernel(await changesOf(() => ask('wide-1.0', 'deconfigure', 'abcdef0123', 'own'))), 1);
  await destroyGear(node, { uuid: 'own' });
  await createGear(node, { uuid: 'own', name: 'abcdef0123', appName: 'phpapp', namespace: 'demo' });
  for (let at = 1; at < changes.length; at += 1) {
    await changesOf(configure, at);
    await recover(node);
    const left = differences(before, await dumpHost());
    if (left.length > 0) t.fail(`change ${at}, ${changes[at - 1] ?? ''}`, { left });
  }
  t.same(differences(before, await dumpHost()), []);
  const destroy = await changesOf(() => destroyGear(node, { uuid: 'own' }));
  t.equal(ofKernel(destroy), 0, 'a gear without a port is destroyed without a look at the kernel');
});

await t.test('what is left of a gear without an account gives its ports back', async (t) => {
  claim(35_590, `${uuid} 127.0.253.129:8080 X\n`);
  writeFileSync(`${node.paths.gearBase}/${uuid}`, 'in the way');
  await destroyGear(node, { uuid });
  t.notOk(claims().includes('35590'));
  t.notOk(existsSync(`${node.paths.gearBase}/${uuid}`));
});
