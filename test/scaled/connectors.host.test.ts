/**
 * The seed's connector jobs on real PHP gears, sent as they stand: what is published, what reaches the environment of
 * hooks, of SSH sessions and of a PHP that runs, what takes it away again, and what is refused.
 */
import t from 'tap';
import { callAction } from '../../src/actions/call.js';
import { openGear } from '../../src/gear/gear.js';
import { gearEnvironment, setVariable } from '../../src/gear/environment.js';
import { readPublished } from '../../src/gear/published.js';
import { openNode } from '../../src/node/node.js';
import { command, run } from '../seed/seed-node.js';
import { seedConnector } from './seed-jobs.js';

t.setTimeout(300_000);

const php = /^PHP (\d+\.\d+)/.exec(await run('/usr/bin/php', ['--version']))?.[1] ?? '';
await run(command('oo-admin-node-setup'), [
  '--public-hostname=broker.test.example.com',
  '--public-ip=192.168.59.144',
  '--cloud-domain=test.example.com',
  '--min-uid=507',
  `--alias=php-5.3=php-${php}`,
  '--start',
]);
const node = await openNode();
const DUMMY = 'openshift-origin-node';
const head = '16f54529c1fa436981fce29b0499c0b6';
const child = 'f81fb70064064a35a9a25169481d490b';

async function cartridgeDo(cartridge: string, action: string, args: unknown): Promise<void> {
  const reply = await callAction(node, 'cartridge_do', { cartridge, action, args });
  t.equal(reply.exitcode, 0, `${action} ${cartridge}: ${JSON.stringify(reply.output)}`);
}

interface Done {
  readonly result_exit_code: number;
  readonly result_stdout: string;
  readonly result_stderr: string;
}

async function connector(args: Readonly<Record<string, unknown>>): Promise<Done> {
  const job = {
    tag: '',
    job: { args, cartridge: DUMMY, action: 'connector-execute' },
    gear: args['--gear-uuid'],
  };
  const reply = await callAction(node, 'execute_parallel', { 'broker.test.example.com': [job] });
  const [done] = reply.output as readonly Done[];
  if (done === undefined) throw new Error(`no job came back: ${JSON.stringify(reply)}`);
  const { result_exit_code, result_stdout, result_stderr } = done;
  return { result_exit_code, result_stdout, result_stderr };
}

const fine = (text: string): Done => ({ result_exit_code: 0, result_stdout: text, result_stderr: '' });

for (const [uuid, name] of [
  [head, 'sphpapp'],
  [child, 'f81fb70064'],
] as const) {
  await cartridgeDo(DUMMY, 'app-create', {
    '--with-container-uuid': uuid,
    '--with-app-uuid': head,
    '--with-app-name': 'sphpapp',
    '--with-container-name': name,
    '--with-namespace': 'demo',
    '--with-uid': uuid === head ? 507 : 508,
  });
}
await cartridgeDo('php-5.3', 'configure', `'f81fb70064' 'demo' '${child}'`);
const gear = openGear(node, child);

await t.test('publishers answer what the seed shows', async (t) => {
  const url = seedConnector('publish-http-url');
  const early = await connector(url.args);
  t.match(early, { result_exit_code: 1, result_stderr: /is not exposed/ });
  t.equal(early.result_stdout, early.result_stderr);
  setVariable(node, gear, 'OPENSHIFT_PHP_PROXY_PORT', '35571');
  t.same(await connector(url.args), fine(url.exchange.output ?? ''));
  const endpoint = seedConnector('publish-gear-endpoint');
  t.same(await connector(endpoint.args), fine(endpoint.exchange.output ?? ''));
});

await t.test('what no cartridge answers is empty', async (t) => {
  for (const hook of ['publish-db-connection-info', 'set-proxy', 'no-such-hook', '../bin/control'])
    t.same(
      await connector({ ...seedConnector('publish-http-url').args, '--hook-name': hook }),
      fine(''),
      hook,
    );
});

await t.test("the seed's connection info reaches hooks, once", async (t) => {
  const { args } = seedConnector('set-db-connection-info');
  t.same(await connector(args), fine(''));
  const published = readPublished(gear, 'published');
  t.equal(Object.keys(published).length, 8);
  t.equal(published['OPENSHIFT_MYSQL_DB_PORT'], '35576');
  t.match(gearEnvironment(node, gear), published);
  t.same(await connector(args), fine(''), 'again');
});

await t.test('env-var-remove takes it away', async (t) => {
  await cartridgeDo(DUMMY, 'env-var-remove', {
    '--with-container-uuid': child,
    '--with-key': 'OPENSHIFT_MYSQL_DB_PASSWORD',
  });
  t.equal(gearEnvironment(node, gear)['OPENSHIFT_MYSQL_DB_PASSWORD'], undefined);
  t.equal(Object.keys(readPublished(gear, 'published')).length, 7);
});
