/**
 * `set-db-connection-info` for a PHP that runs, killed before each of its changes of the host: afterwards all of what
 * was published is there, or nothing of it.
 */
import t from 'tap';
import { cartridgeNode, uuid } from '../cartridge/cartridge-node.js';
import { carryOut, crashAt, hostNow } from '../crash/matrix.js';

const DUMMY = 'openshift-origin-node';
const uuids = { '--with-container-uuid': uuid, '--with-app-uuid': uuid };
const create = {
  cartridge: DUMMY,
  action: 'app-create',
  args: { ...uuids, '--with-app-name': 'phpapp', '--with-namespace': 'demo' },
};
const php = { cartridge: 'php-5.3', action: 'configure', args: `'phpapp' 'demo' '${uuid}'` };
const publish = {
  cartridge: DUMMY,
  action: 'connector-execute',
  args: {
    '--gear-uuid': uuid,
    '--cart-name': 'php-5.3',
    '--hook-name': 'set-db-connection-info',
    '--input-args': `phpapp demo ${uuid} "'db'='A=1; B=2; C=3; '"`,
  },
};
const remove = (name: string) => ({
  cartridge: DUMMY,
  action: 'env-var-remove',
  args: { '--with-container-uuid': uuid, '--with-key': name },
});
const stopped = { ...php, action: 'stop' };

t.setTimeout(10 * 60_000);
await cartridgeNode();
for (const step of [create, php]) await carryOut(step);

/** Of a server that is being reloaded, and of one that is not: no part of what is published. */
const passing = /\/php-5\.3\/run\/|\/app-root\/logs\//;
const now = async (): Promise<string> =>
  (await hostNow())
    .split('\n')
    .filter((line) => !passing.test(line))
    .join('\n');

for (const state of ['running', 'stopped'] as const) {
  await t.test(`application ${state}`, async (t) => {
    if (state === 'stopped') await carryOut(stopped);
    // The folder stays when its variables go.
    await carryOut(publish);
    const takeBack = async (): Promise<void> => {
      for (const name of ['A', 'B', 'C']) await carryOut(remove(name));
    };
    await takeBack();
    const before = await now();
    const { effects, reply } = await carryOut(publish);
    t.match(reply, { statuscode: 0, exitcode: 0, output: '' });
    const after = await now();
    t.match(after, /\.env\/published\/A /);
    t.ok(effects.length >= 4, `${effects.length} changes`);
    for (let at = 1; at <= effects.length; at += 1) {
      await takeBack();
      const { effect, ended } = await crashAt(publish, at, before, after, now);
      t.equal(ended, at === 1 ? 'before' : 'after', `${at}: ${effect}`);
    }
  });
}
