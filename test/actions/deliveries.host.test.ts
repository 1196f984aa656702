/** A request that brings its own id and comes twice: at once or later, to one process or to two. */
import t from 'tap';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { callAction } from '../../src/actions/call.js';
import { openNode } from '../../src/node/node.js';
import { actionsLog, command, run } from '../seed/seed-node.js';

t.setTimeout(600_000);
await run(command('oo-admin-node-setup'), ['--public-hostname=node1.example.com', '--min-uid=507']);
const node = await openNode();
const uuid = 'a'.repeat(32);
const args = { '--with-container-uuid': uuid, '--with-app-name': 'app', '--with-namespace': 'ns' };
const create = { cartridge: 'openshift-origin-node', action: 'app-create', args };
const destroy = { ...create, action: 'app-destroy' };
const meta = (uniqid: string) => ({
  uniqid,
  sender: 'broker.example.com',
  caller: 'uid=48',
  time: 1361976817,
});
const exists = (): boolean => readFileSync('/etc/passwd', 'utf8').includes(uuid);
const started = (): number => actionsLog().split('COMMAND: ').length - 1;

/** The same request through a process of its own. */
function byCommand(data: unknown, uniqid: string): Promise<{ exitcode: number }> {
  const whole = { action: 'cartridge_do', agent: 'openshift', data, ...meta(uniqid) };
  return new Promise((resolve) => {
    const child = execFile('/usr/sbin/oo-rpc', ['cartridge_do'], (_, stdout) =>
      resolve(JSON.parse(stdout) as { exitcode: number }),
    );
    child.stdin?.end(JSON.stringify(whole));
  });
}

await t.test('twice at once, to one process', async (t) => {
  const before = started();
  const replies = await Promise.all(
    [1, 2, 3].map(() => callAction(node, 'cartridge_do', create, meta('one'))),
  );
  t.same(
    replies.map(({ exitcode }) => exitcode),
    [0, 0, 0],
  );
  t.equal(started(), before + 1);
});

await t.test('later, to another process', async (t) => {
  const before = started();
  t.equal((await byCommand(create, 'one')).exitcode, 0);
  t.equal(started(), before);
});

await t.test('the same id with another content is another request', async (t) => {
  t.equal(
    (await callAction(node, 'cartridge_do', { ...create, action: 'app-state-show' }, meta('one'))).output,
    'new',
  );
  const other = await callAction(node, 'cartridge_do', create, {
    ...meta('one'),
    sender: 'somebody.example.com',
  });
  t.equal(other.exitcode, 129);
});

await t.test('at once, to two processes', async (t) => {
  const before = started();
  const replies = await Promise.all([
    byCommand(destroy, 'two'),
    byCommand(destroy, 'two'),
    byCommand(destroy, 'two'),
  ]);
  t.same(
    replies.map(({ exitcode }) => exitcode),
    [0, 0, 0],
  );
  t.equal(started(), before + 1);
  t.notOk(exists());
});

await t.test('a new life of the gear begins with the same request', async (t) => {
  t.equal((await byCommand(create, 'one')).exitcode, 0);
  t.ok(exists(), 'carried out, since the destroy lies between');
  t.equal((await byCommand(destroy, 'two')).exitcode, 0);
  t.notOk(exists());
  t.equal(
    readdirSync(`/run/openshift/requests/${uuid}`).length,
    1,
    'what was said of former lives is forgotten',
  );
});

await t.test('a request without an id is always carried out', async (t) => {
  t.equal((await callAction(node, 'cartridge_do', create)).exitcode, 0);
  t.equal((await callAction(node, 'cartridge_do', create)).exitcode, 129);
  t.equal((await callAction(node, 'cartridge_do', destroy)).exitcode, 0);
});
