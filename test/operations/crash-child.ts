/**
 * A process that carries out one operation on an empty gear and kills itself just before its Nth change of
 * the host; with N = 0 it prints how many changes there were.
 */
import { observeEffects } from '../../src/native/effect.js';
import { openNode } from '../../src/node/node.js';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { restartGear } from '../../src/operations/start.js';

const [what, uuid = '', at = '0'] = process.argv.slice(2);
const node = await openNode();
let count = 0;
observeEffects(() => {
  count += 1;
  if (count !== Number(at)) return;
  process.kill(process.pid, 'SIGKILL');
  for (;;); // the signal is on its way
});
if (what === 'create') await createGear(node, { uuid, appName: 'phpapp', namespace: 'demo' });
else if (what === 'restart') await restartGear(node, { uuid });
else await destroyGear(node, { uuid });
observeEffects(undefined);
process.stdout.write(String(count));
