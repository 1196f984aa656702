/** A node that may have one active gear. */
import t from 'tap';
import { createGear } from '../../src/operations/create.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { stopGear } from '../../src/operations/stop.js';
import { writeState } from '../../src/gear/state.js';
import { openGear } from '../../src/gear/gear.js';
import { hostNode } from './host-node.js';

const node = await hostNode({ limits: ['max_active_gears=1', 'no_overcommit_active=true'] });
const make = (uuid: string) => createGear(node, { uuid, appName: 'phpapp', namespace: uuid });

await t.test('of two that come at once one gets the last place, and a stopped gear holds none', async (t) => {
  const made = await Promise.allSettled([make('one'), make('two')]);
  const refused = made.filter(({ status }) => status === 'rejected');
  t.match(refused, [{ reason: { code: 'ERR_NODE_FULL', exitCode: 146, message: /Nothing was done/ } }]);
  const [there, other] = made[0].status === 'fulfilled' ? ['one', 'two'] : ['two', 'one'];
  writeState(node, openGear(node, there), 'started');
  await stopGear(node, { uuid: there });
  t.same(await make(other), { output: '', exitCode: 0 });
  for (const uuid of [there, other]) await destroyGear(node, { uuid });
});
