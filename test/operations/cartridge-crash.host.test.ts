/**
 * `php` configure and both deconfigures, killed before each of their changes of the host: a configure that died is
 * undone to the last file, a deconfigure that died is done.
 */
import t from 'tap';
import { cartridgeNode, uuid } from '../cartridge/cartridge-node.js';
import { carryOut, crashAt, hostNow } from '../crash/matrix.js';

const names = { '--with-container-name': 'phpapp', '--with-app-name': 'phpapp', '--with-namespace': 'demo' };
const uuids = { '--with-container-uuid': uuid, '--with-app-uuid': uuid };
const create = { cartridge: 'openshift-origin-node', action: 'app-create', args: { ...names, ...uuids } };
const destroy = { ...create, action: 'app-destroy' };
const on = (cartridge: string, action: string) => ({ cartridge, action, args: `'phpapp' 'demo' '${uuid}'` });
const php = on('php-5.3', 'configure');
const mysql = on('mysql-5.1', 'configure');

/** A commit has the time it was made at in its name. */
const commits = /\/phpapp\.git\/(logs|objects|refs)\//;

t.setTimeout(15 * 60_000);
await cartridgeNode();

interface Case {
  readonly name: string;
  readonly request: object;
  readonly prepare: readonly object[];
  readonly ends: 'before' | 'after';
}

const cases: readonly Case[] = [
  { name: 'php configure', request: php, prepare: [create], ends: 'before' },
  {
    name: 'mysql deconfigure',
    request: on('mysql-5.1', 'deconfigure'),
    prepare: [create, mysql],
    ends: 'after',
  },
  { name: 'php deconfigure', request: on('php-5.3', 'deconfigure'), prepare: [create, php], ends: 'after' },
];

for (const { name, request, prepare, ends } of cases) {
  await t.test(`${name}: killed before each change`, { timeout: 10 * 60_000 }, async (t) => {
    for (const step of prepare) await carryOut(step);
    const before = await hostNow();
    const { effects } = await carryOut(request);
    const after = await hostNow();
    t.not(before, after, 'the request changes something');
    const again = async (): Promise<void> => {
      for (const step of [destroy, ...prepare]) await carryOut(step);
    };
    await again();
    for (let at = 1; at <= effects.length; at += 1) {
      const point = await crashAt(request, at, before, after);
      if (point.effect === '(was not reached)') break; // whether a helper had to be killed differs from run to run
      // Before the first change nothing had begun, after the last all was done; else as the operation recovers.
      const expected = at === 1 ? 'before' : at === effects.length ? 'after' : ends;
      const rest = point.difference.filter((line) => !commits.test(line));
      const ended = rest.length === 0 && point.ended === 'neither' ? expected : point.ended;
      t.equal(ended, expected, `${at}: ${point.effect}`, { difference: rest });
      if (ended !== 'before') await again();
    }
    t.comment(`${name}: ${effects.length} points`);
    await carryOut(destroy);
  });
}
