/**
 * A configure of which one change of the host fails, for every change: the error comes back, and the gear is as it was.
 */
import t from 'tap';
import { act, cartridgeNode, emptyGear, uuid } from '../cartridge/cartridge-node.js';
import { differences, dumpHost } from '../hosts/dump.js';
import { observeEffects } from '../../src/native/effect.js';
import { OoError } from '../../src/native/error.js';
import { destroyGear } from '../../src/operations/destroy.js';

const node = await cartridgeNode();
await emptyGear(node);
/** What the probe is told is written down by the probe itself. */
const dump = async (): Promise<string> => (await dumpHost()).replace(/^.*control\.log.*\n/gm, '');

for (const cartridge of ['probe-1.0', 'php-5.3']) {
  await t.test(`${cartridge}: each change fails once`, { timeout: 300_000 }, async (t) => {
    const names: string[] = [];
    observeEffects((name, detail) => void names.push(`${name} ${detail}`));
    t.equal((await act(node, cartridge, 'configure')).exitCode, 0);
    observeEffects(undefined);
    await destroyGear(node, { uuid });
    await emptyGear(node);
    const before = await dump();
    // The last one is the end of the journal's entry: by then all is done.
    for (let at = 1; at < names.length; at += 1) {
      let count = 0;
      observeEffects((name, detail) => {
        count += 1;
        if (count === at) throw new OoError(`no ${name} ${detail}`, { code: 'ERR_TEST' });
      });
      const ended = await act(node, cartridge, 'configure').catch((error: unknown) => error);
      observeEffects(undefined);
      // Some changes may fail without harm: the end of a launch's group, a map that is written again.
      if ((ended as { exitCode?: number }).exitCode === 0) {
        await act(node, cartridge, 'deconfigure');
        t.comment(`${at}: ${names[at - 1]} may fail`);
        await destroyGear(node, { uuid });
        await emptyGear(node);
        continue;
      }
      t.match(ended, Error, `${at}: ${names[at - 1]}`);
      t.same(differences(before, await dump()), [], `${at}: ${names[at - 1]}`);
    }
    t.comment(`${cartridge}: ${names.length} changes`);
  });
}
await destroyGear(node, { uuid });
