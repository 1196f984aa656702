/**
 * How code gets from the head gear to the others: the seed's text, what is sent and when, and that a gear which cannot
 * have it keeps its former code whole, is named with the reason and is repaired by the next push.
 */
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import t from 'tap';
import {
  address,
  asGear,
  clone,
  cloneApplication,
  connector,
  distribute,
  entries,
  first,
  head,
  inClone,
  leftovers,
  must,
  push,
  second,
  serverStates,
  serves,
  setGearEndpoints,
  setProxy,
  setUp,
  version,
  write,
  type Gear,
} from './scaled-gears.js';
import { RELOAD, trace, whole } from './sync-trace.js';

t.setTimeout(1_200_000);
/** A command adds a newline of its own to a reply. */
const reply = (text: string): string => text.replace(/\n\n$/, '\n');
const database = (name: string): string => readFileSync(`${head.home}/haproxy-1.4/conf/${name}.db`, 'utf8');
const lineOf = ({ uuid, name }: Gear, at = address): string =>
  `${uuid}@${at}:php-5.3;${name}-demo.test.example.com\n`;
await t.test('three gears of one application, nothing sent yet', async (t) => {
  await setUp();
  t.match(await setProxy([first]), { code: 0 });
  t.match(await serverStates(), { [first.name]: /^MAINT/, local: /^(UP|no check)/ });
  t.equal(readlinkSync(`${first.home}/php-5.3/repo`), '../app-root/runtime/repo');
});

await t.test('a new gear gets the code, to the letter; then it is only noted', async (t) => {
  const { code, text } = await setGearEndpoints([first]);
  t.equal(code, 0, text);
  t.match(reply(text), whole([...trace(first), RELOAD]));
  t.equal(database('gear-registry'), lineOf(first));
  t.match(await serverStates(), { [first.name]: /^(UP|no check)/ });
  t.same(leftovers(first), []);
  const again = await setGearEndpoints([first, head]);
  t.match(reply(again.text), whole([RELOAD]));
  t.equal(database('gear-registry'), lineOf(first), 'the gear itself is not one of its others');
});

await t.test('what is no endpoint is refused by name and the others are done', async (t) => {
  const bad = [
    `'${second.uuid}'='${second.uuid}@${address}:php-5.3'`,
    `'x'='$(touch)@${address}:php-5.3;a.example.com'`,
    `'y'='y@${address}:../php-5.3;a.example.com'`,
    `'z'='z@300.1.1.1:php-5.3;a.example.com'`,
    `'-oProxyCommand=x'='-oProxyCommand=x@${address}:php-5.3;a.example.com'`,
    `nonsense`,
  ];
  const good = entries([first], (gear) => lineOf(gear).trimEnd());
  const { code, text } = await connector('set-gear-endpoints', [...bad, good].join(' '));
  t.equal(code, 22);
  t.equal(text.match(/Invalid endpoint '/g)?.length, bad.length, text);
  t.match(
    text,
    /sphpapp demo 16f54529c1fa436981fce29b0499c0b6 - Invalid endpoint 'nonsense' passed in input - nonsense/,
  );
  t.match(text, new RegExp(RELOAD));
  t.equal(database('gear-registry'), lineOf(first));
});

await t.test('only what is new is sent; what is not named any more is forgotten', async (t) => {
  await setProxy([first, second]);
  const { code, text } = await setGearEndpoints([first, second]);
  t.equal(code, 0, text);
  t.match(reply(text), whole([...trace(second), RELOAD]));
  t.equal(database('gear-registry'), lineOf(first) + lineOf(second));
  t.match(await serverStates(), { [first.name]: /^(UP|no check)/, [second.name]: /^(UP|no check)/ });
  t.match(reply((await setGearEndpoints([second])).text), whole([RELOAD]));
  t.equal(database('gear-registry'), lineOf(second));
  t.match(await serverStates(), { [first.name]: /^MAINT/ });
  t.equal((await setGearEndpoints([first, second])).code, 0);
});

await t.test('a push is served by every gear', async (t) => {
  await cloneApplication();
  write('index.php', version(1));
  const { code, text } = await push('one');
  t.equal(code, 0);
  const sent = [first, second].flatMap((gear) => trace(gear, ['./', 'index.php']));
  t.match(
    text,
    new RegExp(`\nDeployment id is \\w+\n${sent.join('\n')}\n-+\nGit Post-Receive Result: success\n`),
  );
  await serves(t, 1, head, first, second);
  t.match(await serverStates(), {
    local: /^(UP|no check)/,
    [first.name]: /^(UP|no check)/,
    [second.name]: /^(UP|no check)/,
  });
});

await t.test('a hot deploy leaves every gear running', async (t) => {
  const process = (): string[] =>
    [first, second].map(({ home }) => readFileSync(`${home}/php-5.3/run/httpd.pid`, 'utf8'));
  const before = process();
  write('.openshift/markers/hot_deploy', '');
  write('index.php', version(2));
  const { text } = await push('hot');
  t.match(text, /The application is not stopped for its new code because hot deploy is enabled\n/);
  t.match(text, /Deployment completed with status: success/);
  t.notMatch(text, /ctl_all/);
  await serves(t, 2, head, first, second);
  t.same(process(), before);
  await inClone('git', 'rm', '-q', '.openshift/markers/hot_deploy');
});

await t.test('what a hook of the tenant leaves running keeps nobody waiting', async (t) => {
  write('.openshift/action_hooks/deploy', '#!/bin/bash\necho begun\nsleep 300 &\n', 0o755);
  const before = Date.now();
  const { text } = await push('a daemon');
  t.match(text, /Deployment completed with status: success/);
  t.match(text, /Running .openshift.action_hooks.deploy\nbegun\n/);
  t.ok(Date.now() - before < 60_000);
  write('.openshift/action_hooks/deploy', '#!/bin/bash\n', 0o755);
});

await t.test(
  'names and links of every kind arrive as they are, and nothing outside is touched',
  async (t) => {
    const names = [
      '-rf',
      '--delete',
      'a\nb',
      ' ',
      '*',
      '$(touch x)',
      "'",
      '"',
      'ü',
      '\\',
      '.hidden',
      'CLIENT_ERROR: x',
    ];
    for (const name of names) writeFileSync(`${clone}/${name}`, `of ${name}`);
    mkdirSync(`${clone}/-v -z`);
    writeFileSync(`${clone}/-v -z/a`, 'a');
    symlinkSync('/etc/passwd', `${clone}/passwd`);
    symlinkSync('../../../../../..', `${clone}/up`);
    symlinkSync('nowhere', `${clone}/dangling`);
    for (let at = 0; at < 5000; at += 1) write(`data/${at}`, `${at}\n`);
    write('index.php', version(3));
    // Where a folder is to come, the other gear has a link that leads out of it.
    await asGear(first, 'mkdir -p app-root/data/own && echo mine > app-root/data/own/5');
    await asGear(first, 'ln -s ../../data/own app-root/runtime/repo/data');
    const passwd = readFileSync('/etc/passwd', 'utf8');
    const { text } = await push('hostile');
    t.match(text, /Deployment completed with status: success/);
    await serves(t, 3, head, first, second);
    for (const { home } of [first, second]) {
      const repo = `${home}/app-root/runtime/repo`;
      for (const name of names)
        t.equal(readFileSync(`${repo}/${name}`, 'utf8'), `of ${name}`, JSON.stringify(name));
      t.equal(readFileSync(`${repo}/-v -z/a`, 'utf8'), 'a');
      t.equal(readlinkSync(`${repo}/passwd`), '/etc/passwd');
      t.equal(readlinkSync(`${repo}/up`), '../../../../../..');
      t.equal(readlinkSync(`${repo}/dangling`), 'nowhere');
      t.equal(readdirSync(`${repo}/data`).length, 5000);
      t.ok(lstatSync(`${repo}/data`).isDirectory());
      await must('diff', ['-r', '--no-dereference', `${head.home}/app-root/runtime/repo`, repo]);
    }
    t.equal(readFileSync(`${first.home}/app-root/data/own/5`, 'utf8'), 'mine\n');
    t.same(readdirSync(`${first.home}/app-root/data/own`), ['5']);
    t.equal(readFileSync('/etc/passwd', 'utf8'), passwd);
    t.match(
      await must('find', [`${second.home}/app-root/runtime/repo`, '!', '-user', second.uuid]),
      /^$/,
      'all its own',
    );
  },
);

await t.test('what was there of a tree goes with it, also a folder nobody may write to', async (t) => {
  await asGear(
    first,
    'mkdir -p app-root/runtime/repo/built/deep && touch app-root/runtime/repo/built/deep/x',
  );
  await asGear(first, 'chmod 0555 app-root/runtime/repo/built/deep app-root/runtime/repo/built');
  await inClone('git', 'rm', '-q', '-r', 'data');
  write('index.php', version(4));
  t.match((await push('less')).text, /Deployment completed with status: success/);
  await serves(t, 4, head, first, second);
  await must('diff', [
    '-r',
    '--no-dereference',
    ...[head, first].map(({ home }) => `${home}/app-root/runtime/repo`),
  ]);
  t.same([...leftovers(first), ...leftovers(second)], []);
});

await t.test(
  'gear distribute sends what is there once more; a gear without a proxy has nobody to send to',
  async (t) => {
    await asGear(second, 'echo changed > app-root/runtime/repo/index.php');
    const { code, text } = await distribute();
    t.equal(code, 0, text);
    t.match(text, whole([...trace(first), ...trace(second, ['./', 'index.php'])]));
    await serves(t, 4, head, first, second);
    // Nor does it matter what became of the code there.
    await asGear(first, 'rm -r app-root/runtime/repo');
    t.equal((await distribute()).code, 0);
    await serves(t, 4, head, first, second);
    const alone = await asGear(first, 'gear distribute', false);
    t.match(alone, /sphpapp has no web proxy in this gear/);
    t.same(readdirSync(`${head.home}/haproxy-1.4/.ssh`).sort(), [
      'haproxy_id_rsa',
      'haproxy_id_rsa.pub',
      'known_hosts',
    ]);
  },
);
