/**
 * A distribution that goes wrong: a gear that cannot be reached, has no room, has a hook that fails, or whose sender is
 * killed at any moment. Each time: the code there is the whole of the former or the whole of the new, the gear serves,
 * the pusher reads which gear and why, the other gears have the new code, and the next push repairs it.
 */
import { existsSync, readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import {
  addKey,
  address,
  asGear,
  clone,
  cloneApplication,
  command,
  connector,
  entries,
  first,
  head,
  inClone,
  killed,
  leftovers,
  must,
  pageOf,
  push,
  second,
  serverStates,
  setGearEndpoints,
  setProxy,
  setUp,
  sh,
  version,
  write,
  type Gear,
} from './scaled-gears.js';

t.setTimeout(1_500_000);
const other = '192.168.59.145';
const FILES = 1200;
let now = 0;

/** The next version of the code: each of its many files says which. */
function renew(): number {
  now += 1;
  write('index.php', version(now));
  for (let at = 0; at < FILES; at += 1) write(`data/${at}`, `${now}\n`);
  return now;
}

/** Which version the code of a gear is, all of it. */
async function wholeVersion(gear: Gear): Promise<number> {
  const repo = `${gear.home}/app-root/runtime/repo`;
  const counted = await must('bash', ['-c', `cat ${repo}/data/* | sort | uniq -c`]);
  const [, count = '', found = ''] = /^ *(\d+) (\d+)\n$/.exec(counted) ?? [];
  if (Number(count) !== FILES) throw new Error(`the code of ${gear.name} is a mixture:\n${counted}`);
  if (!readFileSync(`${repo}/index.php`, 'utf8').includes(`version ${found} of`))
    throw new Error(`the page of ${gear.name} is not of version ${found}`);
  return Number(found);
}

async function isWhole(t: Test, gear: Gear, number: number): Promise<void> {
  t.equal(await wholeVersion(gear), number, `${gear.name} has version ${number}, all of it`);
  t.equal(await pageOf(gear), `200 version ${number} of ${gear.uuid}`);
  t.same(leftovers(gear), []);
}

/** A push that repairs: every gear has it, is in service, and nothing is left of what went wrong. */
async function repaired(t: Test): Promise<void> {
  const number = renew();
  const { text } = await push('repair');
  t.match(text, /Deployment completed with status: success/);
  for (const gear of [head, first, second]) await isWhole(t, gear, number);
  t.match(await serverStates(), { [first.name]: /^(UP|no check)/, [second.name]: /^(UP|no check)/ });
}

/** A push that one gear does not get. */
async function failed(t: Test, gear: Gear, why: RegExp, at = address): Promise<void> {
  const former = now;
  const number = renew();
  const { text } = await push('will not arrive everywhere');
  t.match(
    text,
    new RegExp(`\nGear ${gear.uuid}@${at}:php-5\\.3 was not synchronized: .*${why.source}`),
    text.slice(-2000),
  );
  t.match(text, /Deployment completed with status: failure/);
  t.match(text, /Not every gear of the application has this code/);
  for (const each of [head, first, second]) await isWhole(t, each, each === gear ? former : number);
  const { [gear.name]: state, ...others } = await serverStates();
  t.match(state, /^MAINT/, 'out of service');
  t.match(others, { [gear === first ? second.name : first.name]: /^(UP|no check)/ });
  const registry = readFileSync(`${head.home}/haproxy-1.4/conf/gear-registry.db`, 'utf8');
  t.notMatch(registry, new RegExp(gear.uuid));
}

await t.test('three gears with the same code', async (t) => {
  await setUp();
  await must('ip', ['address', 'replace', `${other}/32`, 'dev', 'lo']);
  await setProxy([first, second]);
  t.match(await setGearEndpoints([first, second]), { code: 0 });
  await cloneApplication();
  await repaired(t);
});

await t.test('a gear that does not know the key', async (t) => {
  const key = readFileSync(`${head.home}/haproxy-1.4/.ssh/haproxy_id_rsa.pub`, 'utf8');
  await command(
    'oo-authorized-ssh-key-remove',
    '-c',
    first.uuid,
    '-a',
    head.uuid,
    '-s',
    key.split(' ')[1]!,
    '-m',
    'haproxy',
  );
  await failed(t, first, /Permission denied \(publickey/);
  // What the broker says again does not help as long as the reason is there, and says so.
  const { code, text } = await setGearEndpoints([first, second]);
  t.equal(code, 128);
  t.match(
    text,
    /^CLIENT_ERROR: Gear f81fb70064064a35a9a25169481d490b@.* was not synchronized: .*Permission denied/m,
  );
  await addKey(first, key, 'haproxy');
  t.match(await setGearEndpoints([first, second]), { code: 0 });
  await isWhole(t, first, now);
  await repaired(t);
});

await t.test('an sshd that refuses, for a moment and for longer', async (t) => {
  const refuse = (action: string): Promise<string> =>
    must('iptables', [
      action,
      'INPUT',
      '-d',
      other,
      '-p',
      'tcp',
      '--dport',
      '22',
      '-j',
      'REJECT',
      '--reject-with',
      'tcp-reset',
    ]);
  const at = (gear: Gear): string =>
    `${gear.uuid}@${gear === second ? other : address}:php-5.3;${gear.name}-demo.test.example.com`;
  t.match(await connector('set-gear-endpoints', entries([first, second], at)), { code: 0 });
  await refuse('-I');
  await failed(t, second, /Connection refused/, other);
  const back = new Promise((resolve) => setTimeout(resolve, 3000)).then(() => refuse('-D'));
  const number = renew();
  const { text } = await push('in a moment');
  await back;
  // Whether the push came before the moment was over or not, it came through.
  t.match(text, /Deployment completed with status: success/);
  for (const gear of [head, first, second]) await isWhole(t, gear, number);
  t.match(await setGearEndpoints([first, second]), { code: 0 });
});

await t.test('a gear without room for the new code, or for anything', async (t) => {
  const runtime = `${first.home}/app-root/runtime`;
  await command('oo-admin-ctl-gears', 'stopgear', first.uuid);
  await must('cp', ['-a', runtime, '/root/runtime']);
  await must('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=16m,mode=750,uid=${first.uid},gid=${first.uid}`,
    'tmpfs',
    runtime,
  ]);
  await must('cp', ['-a', '/root/runtime/.', runtime]);
  await command('oo-admin-ctl-gears', 'startgear', first.uuid);
  await must('dd', ['if=/dev/urandom', `of=${clone}/big`, 'bs=1M', 'count=12', 'status=none']);
  await failed(t, first, /No space left on device/);
  await inClone('git', 'rm', '-q', '-f', 'big');
  await repaired(t);
  await asGear(first, 'dd if=/dev/zero of=app-root/runtime/fill bs=64k status=none', false);
  await failed(t, first, /the disk is full/);
  await asGear(first, 'rm app-root/runtime/fill');
  await repaired(t);
});

await t.test('a hook or a start that fails on one gear brings its former code back', async (t) => {
  const here = `[ "$OPENSHIFT_GEAR_UUID" != ${first.uuid} ] || { echo 'not on this gear' >&2; exit 3; }\n`;
  for (const hook of ['deploy', 'pre_start']) {
    write(`.openshift/action_hooks/${hook}`, `#!/bin/bash\n${here}`, 0o755);
    await failed(t, first, /not on this gear|'pre_start'/);
    await inClone('git', 'rm', '-q', '-f', `.openshift/action_hooks/${hook}`);
    await repaired(t);
  }
});

await t.test('post_deploy says that something is wrong, the code stays', async (t) => {
  write(
    '.openshift/action_hooks/post_deploy',
    `#!/bin/bash\n[ "$OPENSHIFT_GEAR_UUID" != ${second.uuid} ] || { echo oops; exit 1; }\n`,
    0o755,
  );
  const number = renew();
  const { text } = await push('post');
  t.match(
    text,
    new RegExp(
      `\nGear ${second.uuid}@${address}:php-5\\.3 was synchronized, but its post_deploy\\.sh failed: oops`,
    ),
  );
  t.match(text, /Deployment completed with status: failure/);
  for (const gear of [head, first, second]) await isWhole(t, gear, number);
  await inClone('git', 'rm', '-q', '-f', '.openshift/action_hooks/post_deploy');
});

await t.test('the sender is killed at any moment', async (t) => {
  write('.openshift/action_hooks/deploy', '#!/bin/bash\nsleep 0.5\n', 0o755);
  await repaired(t);
  const moments = [
    /'ctl_all stop'/,
    /Waiting for stop/,
    /building file list/,
    /^data\/7/,
    /deploy\.sh$/,
    /action_hooks.deploy/,
    /'ctl_all start'/,
    / post_deploy\.sh/,
  ];
  let inFirst = now;
  const inSecond = now;
  for (const moment of moments) {
    for (const whom of ['script', 'everything'] as const) {
      const number = renew();
      await killed(moment, whom);
      const found = await wholeVersion(first);
      t.comment(`${moment} ${whom}: ${found === number ? 'new' : 'former'}`);
      t.ok(
        [inFirst, number].includes(found),
        `${moment} ${whom}: the first gear has ${found} of ${inFirst} and ${number}`,
      );
      inFirst = found;
      await isWhole(t, first, found);
      await isWhole(t, second, inSecond);
    }
  }
  await repaired(t);
  t.equal((await sh('pgrep', ['-f', 'code-receiver|sync-gears'])).code, 1, 'nobody waits any more');
});

await t.test('a gear whose receiver is a program of its own that never stops talking', async (t) => {
  const own = 'app-root/data/own';
  for (const words of ['yes flood', 'echo ready; yes flood', "echo ready; yes flood | tr -d '\\n'"]) {
    await asGear(
      first,
      `mkdir -p ${own} && printf '#!/bin/bash\n%s\n' "${words}" > ${own}/code-receiver && chmod 755 ${own}/code-receiver && ` +
        `printf %s "$HOME/${own}" > php-5.3/env/OPENSHIFT_PHP_PATH_ELEMENT`,
    );
    const former = await wholeVersion(first);
    const number = renew();
    const started = performance.now();
    const { text } = await push('will not arrive there');
    t.ok(performance.now() - started < 90_000, 'it keeps nobody waiting');
    t.ok(text.length < 1_000_000, `${text.length} characters for the pusher`);
    t.ok(text.includes(`\nGear ${first.uuid}@${address}:php-5.3 was not synchronized: `), words);
    t.match(text.slice(-400), /Deployment completed with status: failure/);
    t.equal(await wholeVersion(first), former);
    await isWhole(t, second, number);
    t.match(await serverStates(), { [first.name]: /^MAINT/, [second.name]: /^(UP|no check)/ });
  }
  await asGear(first, `rm -rf ${own} php-5.3/env/OPENSHIFT_PHP_PATH_ELEMENT`);
  await repaired(t);
});

await t.test(
  'the receiver is killed, with its application, and its node starts again what no user has stopped',
  async (t) => {
    for (const moment of [/'ctl_all stop'/, /^data\/7/, /action_hooks.deploy/]) {
      const former = now;
      const number = renew();
      const text = await killed(moment, 'receiver');
      t.match(
        text,
        new RegExp(`Gear ${first.uuid}@${address}:php-5\\.3 was not synchronized: `),
        text.slice(-1500),
      );
      const found = await wholeVersion(first);
      t.ok([former, number].includes(found), `${moment}: ${found} of ${former} and ${number}`);
      t.notOk(existsSync(`${first.home}/app-root/runtime/.stop_lock`));
      await command('oo-admin-ctl-gears', 'startall');
      t.equal(await pageOf(first), `200 version ${found} of ${first.uuid}`);
      await isWhole(t, second, number);
      await repaired(t);
    }
  },
);
