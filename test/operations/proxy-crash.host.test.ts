/**
 * A web proxy's configure and deconfigure, killed before each of their changes of the host: a configure that died is
 * undone to the last file, and the front door leads to the application again; a deconfigure that died is done.
 */
import t from 'tap';
import { installCartridge, aliasCartridge } from '../../src/cartridge/repository.js';
import { cartridgeNode, repository, uuid } from '../cartridge/cartridge-node.js';
import { carryOut, crashAt, hostNow } from '../crash/matrix.js';
import { run } from '../seed/seed-node.js';

const names = { '--with-container-name': 'phpapp', '--with-app-name': 'phpapp', '--with-namespace': 'demo' };
const uuids = { '--with-container-uuid': uuid, '--with-app-uuid': uuid };
const on = (cartridge: string, action: string) => ({ cartridge, action, args: `'phpapp' 'demo' '${uuid}'` });
const configure = on('haproxy-1.4', 'configure');
const deconfigure = on('haproxy-1.4', 'deconfigure');

t.setTimeout(15 * 60_000);
const node = await cartridgeNode();
await installCartridge(node, `${repository}cartridges/haproxy`);
const version = / version (\d+\.\d+)/.exec(await run('/usr/sbin/haproxy', ['-v']))?.[1] ?? '';
await aliasCartridge(node, `haproxy-1.4=haproxy-${version}`);
await carryOut({ cartridge: 'openshift-origin-node', action: 'app-create', args: { ...names, ...uuids } });
await carryOut(on('php-5.3', 'configure'));

/** The key is drawn anew each time; PHP's own files change by themselves. */
async function look(): Promise<string> {
  return (await hostNow())
    .split('\n')
    .filter((line) => !/php-5\.3\/(run|sessions|tmp)|app-root\/logs\/php|haproxy_id_rsa/.test(line))
    .join('\n');
}

const cases = [
  { name: 'configure', request: configure, again: deconfigure, ends: 'before' },
  { name: 'deconfigure', request: deconfigure, again: configure, ends: 'after' },
] as const;

for (const { name, request, again, ends } of cases) {
  await t.test(`haproxy ${name}: killed before each change`, { timeout: 7 * 60_000 }, async (t) => {
    if (name === 'deconfigure') await carryOut(configure);
    const before = await look();
    const { effects } = await carryOut(request);
    const after = await look();
    t.not(before, after, 'the request changes something');
    await carryOut(again);
    for (let at = 1; at <= effects.length; at += 1) {
      const point = await crashAt(request, at, before, after, look);
      if (point.effect === '(was not reached)') break; // whether a helper had to be killed differs from run to run
      const expected = at === 1 ? 'before' : at === effects.length ? 'after' : ends;
      t.equal(point.ended, expected, `${at}: ${point.effect}`, { difference: point.difference });
      if (point.ended !== 'before') await carryOut(again);
    }
    t.comment(`${name}: ${effects.length} points`);
  });
}
