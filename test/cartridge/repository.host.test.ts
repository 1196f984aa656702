/** Changes of the cartridge repository that come at once, or after one that was killed. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import {
  aliasCartridge,
  eraseCartridge,
  installCartridge,
  listAliases,
  listRepository,
  unaliasCartridge,
} from '../../src/cartridge/repository.js';
import { act, cartridgeNode, emptyGear, fixtures } from './cartridge-node.js';

const node = await cartridgeNode();
const gear = await emptyGear(node);
const repository = node.paths.cartridgeRepository;

await t.test('twenty aliases at once are all there; so are those that stay when others go', async (t) => {
  const names = Array.from({ length: 20 }, (_, n) => `other-${n}.0`);
  await Promise.all(names.map((name) => aliasCartridge(node, `${name}=probe-1.0`)));
  t.same([...listAliases(node).keys()].filter((name) => name.startsWith('other-')).sort(), names.sort());
  await Promise.all(names.slice(1).map((name) => unaliasCartridge(node, name)));
  t.ok(listAliases(node).has(names[0] ?? ''));
  await t.rejects(aliasCartridge(node, 'x=nonsense-1.0'), { code: 'ERR_NO_CARTRIDGE', exitCode: 1 });
});

await t.test('what a killed install has left is gone after the next, and is never offered', async (t) => {
  const parent = `${repository}/test-probe`;
  for (const name of ['.fresh-0.0.1', '.gone-0.0.1'])
    cpSync(`${fixtures}/probe`, `${parent}/${name}`, { recursive: true });
  t.equal(listRepository(node).filter(({ name }) => name === 'probe').length, 1);
  const both = await Promise.all([
    installCartridge(node, `${fixtures}/probe`),
    installCartridge(node, `${fixtures}/probe`),
  ]);
  t.same(
    both.map(({ path }) => path),
    ['test-probe/0.0.1', 'test-probe/0.0.1'],
  );
  t.same(readdirSync(parent), ['0.0.1']);
});

await t.test(
  'a configure beside an install gets one version whole, or leaves the gear as it was',
  async (t) => {
    const other = '/root/probe';
    for (let round = 0; round < 5; round += 1) {
      cpSync(`${fixtures}/probe`, other, { recursive: true });
      mkdirSync(`${other}/lib`, { recursive: true });
      for (const file of ['conf/round', 'lib/round']) writeFileSync(`${other}/${file}`, String(round));
      const [result] = await Promise.all([
        act(node, 'probe-1.0', 'configure').catch(() => undefined),
        installCartridge(node, other),
      ]);
      if (result?.exitCode !== 0) {
        t.notOk(existsSync(`${gear.home}/probe`));
        continue;
      }
      const read = (file: string): string | undefined =>
        existsSync(`${gear.home}/probe/${file}`)
          ? readFileSync(`${gear.home}/probe/${file}`, 'utf8')
          : undefined;
      t.equal(read('conf/round'), read('lib/round'));
      t.equal((await act(node, 'probe-1.0', 'deconfigure')).exitCode, 0);
    }
  },
);

await t.test('erased: its folder and the aliases that led to it', async (t) => {
  const what = { vendor: 'test', name: 'probe', cartridgeVersion: '0.0.1' };
  await eraseCartridge(node, what);
  t.notOk(existsSync(`${repository}/test-probe`));
  t.notOk([...listAliases(node).values()].includes('probe-1.0'));
  await t.rejects(eraseCartridge(node, what), { code: 'ERR_NO_CARTRIDGE' });
});
