import t from 'tap';
import fc from 'fast-check';
import type { ActionReply } from '../../../src/actions/request.js';
import { splitWords } from '../../../src/actions/words.js';
import { Broker } from './broker.js';
import { publicationWord, subscriberArguments } from './connection.js';
import { decisionsOf } from './decisions.js';
import type { BrokerNode } from './node.js';
import type { Job } from './requests.js';
import { BrokerError } from './sender.js';

type Answer = (what: string, gear: string) => string | number;

/** A node that answers what a test says, and the list of what it was asked. */
function paperNode(identity: string, answer: Answer = () => ''): BrokerNode & { readonly asked: string[] } {
  const asked: string[] = [];
  const told = (what: string, gear: string): { output: string; exitcode: number } => {
    asked.push(`${what} ${gear}`);
    const said = answer(what, gear);
    return typeof said === 'string' ? { output: said, exitcode: 0 } : { output: 'no\n', exitcode: said };
  };
  const replyOf = (output: unknown, exitcode: number): ActionReply => ({
    ...{ statuscode: exitcode === 0 ? 0 : 1, statusmsg: 'said', output, exitcode, time: 0 },
    addtl_params: null,
  });
  return {
    identity,
    asked,
    call: async (action, data) => {
      const fields = data as Readonly<Record<string, unknown>>;
      if (action === 'cartridge_do') {
        const args = fields['args'] as string | Readonly<Record<string, string>>;
        const gear =
          typeof args === 'string'
            ? (args.split(' ')[0] ?? '').replaceAll("'", '')
            : args['--with-container-name'];
        const cartridge = String(fields['cartridge']);
        const what = cartridge === 'openshift-origin-node' ? '' : `${cartridge} `;
        const { output, exitcode } = told(`${what}${String(fields['action'])}`, gear ?? '');
        return replyOf(output, exitcode);
      }
      const jobs = (fields[identity] as readonly Job[]).map((job) => {
        const args = job.job.args as Readonly<Record<string, string>>;
        const { output, exitcode } = told(args['--hook-name'] ?? job.job.action, job.gear.slice(0, 10));
        return { ...job, result_stdout: output, result_stderr: '', result_exit_code: exitcode };
      });
      return replyOf(jobs, 0);
    },
  };
}

const numbered = (): (() => string) => {
  let count = 0;
  return () => String((count += 1)).padStart(10, 'g') + 'x'.repeat(22);
};
const keys = [{ comment: 'default', type: 'ssh-rsa', key: 'AAAA' }];

t.test('the arguments of a subscriber are those of the seed', async (t) => {
  const words = ['sphpapp', 'demo', '16f54529'] as const;
  t.equal(subscriberArguments(words), 'sphpapp demo 16f54529');
  t.equal(
    subscriberArguments(words, [
      [{ gear: 'f81f', output: 'f81f-demo.test.example.com|192.168.59.144:35571\n' }],
    ]),
    "sphpapp demo 16f54529 \\'f81f\\'\\=\\'f81f-demo.test.example.com\\|192.168.59.144:35571'\n'\\'",
  );
  t.equal(
    subscriberArguments(words, [
      [
        { gear: 'a', output: 'b\n' },
        { gear: 'c', output: '' },
      ],
    ]),
    "sphpapp demo 16f54529 \\'a\\'\\=\\'b'\n'\\'\\ \\'c\\'\\=\\'\\'",
  );
  t.equal(subscriberArguments(words, [[]]), "sphpapp demo 16f54529 ''", 'nobody published');
});

t.test('decisions are lines with a verb, a colon and a blank', async (t) => {
  t.same(
    decisionsOf(
      [
        'CART_DATA: PROXY_PORT=35566',
        'CART_PROPERTIES: connection_url=mysql://h:1/?a=b',
        'APP_SSH_KEY_ADD: haproxy AAAAB3',
        'BROKER_AUTH_KEY_ADD: ',
        'APP_SSH_KEY_REMOVE: haproxy',
        'APP_ENV_VAR_REMOVE: B',
        'APP_ENV_VAR_REMOVE: A',
        ' APP_ENV_VAR_REMOVE: C',
        'CLIENT_RESULT: APP_ENV_VAR_REMOVE: D',
        '',
      ].join('\n'),
    ),
    {
      attributes: { PROXY_PORT: '35566' },
      properties: { connection_url: 'mysql://h:1/?a=b' },
      keysToAdd: [{ comment: 'haproxy', key: 'AAAAB3' }],
      keysToRemove: ['haproxy'],
      variablesToRemove: ['B', 'A'],
      brokerKey: true,
    },
  );
  t.equal(decisionsOf('BROKER_AUTH_KEY_ADD:\n').brokerKey, false, 'without the blank it is no order');
});

t.test('an application on one node: the order of everything', async (t) => {
  const says: Readonly<Record<string, string>> = {
    'embedded/haproxy-1.4 configure app':
      'APP_SSH_KEY_ADD: haproxy AAAA\nBROKER_AUTH_KEY_ADD: \nhttpd (pid 1) already running\n',
    'app-destroy ggggggggg3': 'APP_ENV_VAR_REMOVE: A\nAPP_ENV_VAR_REMOVE: B\n',
    'app-destroy app': 'APP_SSH_KEY_REMOVE: haproxy\n',
  };
  const node = paperNode('one', (what, gear) => says[`${what} ${gear}`] ?? '');
  const broker = new Broker([node], { keys, uuid: numbered() });
  const app = await broker.createApplication({ name: 'app', namespace: 'ns' });
  const [head, web, database] = ['ggggggggg1', 'ggggggggg2', 'ggggggggg3'];
  const proxyRounds = [
    `publish-http-url ${web}`,
    `set-proxy ${head}`,
    `publish-gear-endpoint ${web}`,
    `set-gear-endpoints ${head}`,
  ];
  t.same(node.asked.splice(0), [
    ...['app-create app', `authorized-ssh-key-add ${head}`],
    ...[`app-create ${web}`, `authorized-ssh-key-add ${web}`],
    ...['php-5.3 configure app', 'php-5.3 expose-port app', 'embedded/haproxy-1.4 configure app'],
    ...[`broker-auth-key-add ${head}`, `broker-auth-key-add ${web}`],
    ...[`authorized-ssh-key-add ${head}`, `authorized-ssh-key-add ${web}`],
    ...[`php-5.3 configure ${web}`, `php-5.3 expose-port ${web}`],
    ...proxyRounds,
  ]);
  await broker.addDatabase(app);
  const rounds = [
    ...[`publish-db-connection-info ${database}`, `set-db-connection-info ${web}`],
    ...proxyRounds,
    ...[`publish-db-connection-info ${database}`, `set-db-connection-info ${head}`],
  ];
  t.same(node.asked.splice(0), [
    ...[`app-create ${database}`, `authorized-ssh-key-add ${database}`, `authorized-ssh-key-add ${database}`],
    ...[`embedded/mysql-5.1 configure ${database}`, `mysql-5.1 expose-port ${database}`],
    ...rounds,
  ]);
  await broker.scaleUp(app);
  t.equal(
    node.asked.filter((line) => line.startsWith('publish-http-url')).length,
    2,
    'both web gears publish',
  );
  node.asked.splice(0);
  await broker.scaleDown(app);
  t.same(node.asked.splice(0), ['app-destroy ggggggggg4', ...rounds]);
  await broker.destroyApplication(app);
  t.same(node.asked.splice(0), [
    ...[`app-destroy ${web}`, `app-destroy ${database}`],
    ...[`env-var-remove ${head}`, `env-var-remove ${head}`],
    'app-destroy app',
  ]);
  t.same(app.gears, [], 'and nobody is left to take the key from');
});

t.test('jobs go to the node of their gear, by one request', async (t) => {
  const nodes = [paperNode('one'), paperNode('two', (what) => `from ${what}\n`)] as const;
  const broker = new Broker(nodes, {
    ...{ keys, uuid: numbered() },
    place: (kind) => (kind === 'head' ? nodes[0] : nodes[1]),
  });
  const app = await broker.createApplication({ name: 'app', namespace: 'ns', gears: 3 });
  t.match(nodes[0].asked, [
    'app-create app',
    /^authorized-ssh-key-add/,
    'php-5.3 configure app',
    'php-5.3 expose-port app',
  ]);
  t.equal(nodes[1].asked.filter((line) => line.startsWith('publish-http-url')).length, 2);
  t.equal(nodes[0].asked.filter((line) => line.startsWith('publish-http-url')).length, 0);
  const jobs = app.gears.map(({ uuid: gear, node }) => ({
    node,
    job: {
      ...{ tag: '', gear, job: { args: {}, cartridge: 'openshift-origin-node', action: 'app-state-show' } },
      ...{ result_exit_code: '', result_stdout: '', result_stderr: '' },
    },
  }));
  const done = await broker.parallel([...jobs].reverse());
  t.same(
    done.map(({ gear, result_stdout }) => [gear, result_stdout]),
    [...app.gears].reverse().map(({ uuid, kind }) => [uuid, kind === 'head' ? '' : 'from app-state-show\n']),
    'each result is its own job’s, in the order of the list',
  );
  t.same(Object.keys(broker.sent.at(-1)?.request.data ?? {}), ['two', 'one', 'process_results']);
  t.same([...(broker.sent.at(-1)?.replies.keys() ?? [])].sort(), ['one', 'two']);
  t.equal(broker.sent.filter(({ request }) => request.meta.caller !== 'uid=48').length, 0);
});

t.test('an error of a node ends the sequence and says where', async (t) => {
  const node = paperNode('one', (what) => (what === 'php-5.3 configure' ? 157 : ''));
  const broker = new Broker([node], { keys, uuid: numbered() });
  await t.rejects(broker.createApplication({ name: 'app', namespace: 'ns' }), {
    name: 'BrokerError',
    message: /php-5.3 configure .*on one failed \(157\): said\nno/,
  });
  t.equal(node.asked.at(-1), 'php-5.3 configure app', 'nothing was sent afterwards');
  const other = paperNode('one', (what) => (what === 'set-proxy' ? 22 : ''));
  const error = await new Broker([other], { uuid: numbered() })
    .createApplication({ name: 'app', namespace: 'ns' })
    .catch((thrown: unknown) => thrown);
  t.ok(error instanceof BrokerError);
  t.match((error as Error).message, /connector-execute set-proxy of gear g{9}1x+ failed \(22\): no/);
});

t.test('whatever a publisher prints comes to the subscriber as it was', async (t) => {
  const output = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
  const gear = fc.stringMatching(/^[0-9a-f]{32}$/);
  const shell = fc.string({ unit: fc.constantFrom(...`'"\\ \n\t$;|&<>()*?#!\`=~%{}[]a/@é😀`) });
  const said = fc.array(fc.record({ gear, output: fc.oneof(output, shell) }), { maxLength: 4 });
  fc.assert(
    fc.property(said, (publications) => {
      const text = subscriberArguments(['sphpapp', 'demo', 'a1'], [publications]);
      const words = splitWords(text);
      return words.length === 4 && words[3] === publicationWord(publications);
    }),
    { numRuns: 5000, interruptAfterTimeLimit: 5000, markInterruptAsFailure: false },
  );
  t.pass('held for all of them');
});
