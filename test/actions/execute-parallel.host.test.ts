/**
 * execute_parallel on a real node: jobs on different gears run side by side, jobs on one gear in their order, every
 * result in its own job, no failure anybody else's.
 */
import t from 'tap';
import { mkdirSync, writeFileSync } from 'node:fs';
import { callAction } from '../../src/actions/call.js';
import { openNode } from '../../src/node/node.js';
import { readEnvironment } from '../../src/gear/environment.js';
import { openGear } from '../../src/gear/gear.js';
import { actionsLog, command, run } from '../seed/seed-node.js';

t.setTimeout(600_000);

await run(command('oo-admin-node-setup'), ['--public-hostname=node1.example.com', '--min-uid=507']);
const node = await openNode();
const DUMMY = 'openshift-origin-node';
const [first, second] = ['1'.padEnd(32, 'a'), '2'.padEnd(32, 'b')] as [string, string];
for (const uuid of [first, second]) {
  const args = { '--with-container-uuid': uuid, '--with-app-name': 'app', '--with-namespace': 'ns' };
  await callAction(node, 'cartridge_do', { cartridge: DUMMY, action: 'app-create', args });
}

interface Done {
  readonly tag: unknown;
  readonly gear: string;
  readonly result_exit_code: number;
  readonly result_stdout: unknown;
  readonly result_stderr: string;
}

function job(gear: string, action: string, args: unknown, cartridge = DUMMY): Record<string, unknown> {
  return {
    tag: action,
    job: { args, cartridge, action },
    result_exit_code: '',
    gear,
    result_stdout: '',
    result_stderr: '',
  };
}

async function parallel(jobs: readonly unknown[], identity = 'node1.example.com'): Promise<readonly Done[]> {
  const reply = await callAction(node, 'execute_parallel', { [identity]: jobs, process_results: true });
  t.equal(reply.exitcode, 0, 'the whole is never a failure');
  t.equal(reply.statuscode, 0);
  return reply.output as readonly Done[];
}

const variable = (gear: string, name: string, value: string): Record<string, unknown> =>
  job(gear, 'env-var-add', { '--with-container-uuid': gear, '--with-key': name, '--with-value': value });

await t.test('results stay apart and in order', async (t) => {
  const done = await parallel([
    variable(first, 'A', '1'),
    job(first, 'no-such-thing', {}),
    variable(second, 'A', '2'),
    variable('nobody', 'A', '3'),
    job(second, 'app-state-show', { '--with-container-uuid': second }),
    variable(first, '../B', '4'),
    { tag: 'x', gear: first },
    'no job',
    job(first, 'env-var-remove', { '--with-container-uuid': first, '--with-key': 'A' }),
    variable(first, 'A', '5'),
  ]);
  t.same(
    done.map(({ result_exit_code }) => result_exit_code),
    [0, 127, 0, 1, 0, 255, 255, 255, 0, 0],
  );
  t.match(done[1], {
    tag: 'no-such-thing',
    result_stdout: 'Unsupported action: no-such-thing/oo_no_such_thing\n',
  });
  t.match(done[3]?.result_stderr, /nobody is not a gear of this node/);
  t.match(done[4], { result_stdout: 'new', result_stderr: '' });
  t.equal(readEnvironment(openGear(node, first))['A'], '5', 'jobs on one gear in their order');
  t.equal(readEnvironment(openGear(node, second))['A'], '2');
});

await t.test('many jobs on one gear all have their effect, the last one last', async (t) => {
  const jobs = Array.from({ length: 50 }, (_, at) => variable(first, 'LAST', String(at)));
  const done = await parallel(jobs);
  t.equal(done.length, 50);
  t.ok(done.every(({ result_exit_code }) => result_exit_code === 0));
  t.equal(readEnvironment(openGear(node, first))['LAST'], '49');
});

await t.test(
  'the log tells the ends of jobs in the order of the list, and where all have ended',
  async (t) => {
    const start = actionsLog().length;
    const jobs = Array.from({ length: 30 }, (_, at) => variable(first, 'LONG', String(at)));
    await parallel([...jobs, variable(first, 'late/', '1'), variable(second, 'early/', '2')]);
    const log = actionsLog().slice(start);
    t.match(
      log,
      /COMMAND: oo-env-var-add\n[^]*reap_output[^]*late\/[^]*reap_output[^]*early\/[^]*\n------\)\n/,
    );
    t.match(log, /\nINFO: \S+ 'execute_parallel_action' execute_parallel_action call - <omitted>\n$/);
    const next = actionsLog().length;
    await parallel([variable(first, 'A', '6'), variable(first, 'A', '7')]);
    t.notMatch(actionsLog().slice(next), '<omitted>', 'one gear alone needs no such line');
  },
);

await t.test('gears do not wait for each other, one gear waits for itself', async (t) => {
  const folder = `${node.config.cartridgeBasePath}/slow-1.0/info/hooks`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/status`, '#!/bin/bash\nsleep 1\necho "$3 done"\n', { mode: 0o755 });
  const slow = (gear: string): Record<string, unknown> =>
    job(gear, 'status', `'app' 'ns' '${gear}'`, 'slow-1.0');
  const time = async (jobs: readonly unknown[]): Promise<number> => {
    const start = performance.now();
    for (const { result_exit_code, result_stdout, gear } of await parallel(jobs)) {
      t.same([result_exit_code, result_stdout], [0, `${gear} done\n`]);
    }
    return performance.now() - start;
  };
  const apart = await time([slow(first), slow(second)]);
  const together = await time([slow(first), slow(first)]);
  t.ok(apart < 1800, `side by side: ${Math.round(apart)} ms`);
  t.ok(together >= 2000, `one after the other: ${Math.round(together)} ms`);
});

await t.test('what is for another node, or no list, does nothing', async (t) => {
  t.same(await parallel([variable(first, 'OTHER', '1')], 'node2.example.com'), []);
  t.equal(readEnvironment(openGear(node, first))['OTHER'], undefined);
  const reply = await callAction(node, 'execute_parallel', { 'node1.example.com': 'everything' });
  t.match(reply, { statuscode: 4, exitcode: 255 });
});

await t.test('requests that are none are refused and named', async (t) => {
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['cartridge_do', null, /not a hash/],
    ['cartridge_do', {}, /^cartridge is missing/],
    ['cartridge_do', { cartridge: DUMMY }, /^action is missing/],
    ['cartridge_do', { cartridge: '../x', action: 'start' }, /cartridge is not the name/],
    ['cartridge_do', { cartridge: 'a'.repeat(65), action: 'start' }, /cartridge is longer/],
    ['cartridge_do', { cartridge: DUMMY, action: 'app create' }, /action is not the name/],
    ['cartridge_do', { cartridge: DUMMY, action: 'app-create\n' }, /action is not the name/],
    ['cartridge_do', { cartridge: DUMMY, action: 'app-create', args: 7 }, /args is neither/],
    ['execute_parallel', [], /not a hash/],
  ];
  const log = actionsLog();
  for (const [action, data, says] of wrong) {
    t.match(await callAction(node, action, data), { statuscode: 4, exitcode: 255, output: says });
  }
  t.match(await callAction(node, 'no_such_action', {}), { statuscode: 2, exitcode: 127 });
  t.equal(actionsLog(), log, 'and are not in the log of requests');
});

await t.test('an argument string with something for a shell is refused', async (t) => {
  for (const args of ["'a' 'b' $(id)", "'a' 'b'", "'a' 'b' 'c", "'a' 'b' 'c' ; id"]) {
    const reply = await callAction(node, 'cartridge_do', { cartridge: 'php-8.2', action: 'configure', args });
    t.match(reply, { statuscode: 1, exitcode: 255 }, args);
  }
});
