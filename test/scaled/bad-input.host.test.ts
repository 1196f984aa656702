/**
 * Bad input to connectors, each as one job of an execute_parallel beside good jobs of other gears: the reply of each job
 * is told whole, the good ones are neither harmed nor held up, and afterwards nothing is left running.
 */
import t, { type Test } from 'tap';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { escapeWord } from '../../src/actions/words.js';
import { gearEnvironment } from '../../src/gear/environment.js';
import { openGear } from '../../src/gear/gear.js';
import { stopGear } from '../../src/operations/stop.js';
import {
  connector,
  done,
  DUMMY,
  gears,
  HOOK_SECONDS,
  job,
  MOST_PROCESSES,
  parallel,
  processesOf,
  refused,
  unrulyNode,
  type DoneJob,
  type Job,
} from './unruly-node.js';

t.setTimeout(600_000);
const node = await unrulyNode();
const [bad = '', ...good] = gears;
const LINE = 'a line of sixty-three characters, as many as it takes, and more\n';
const MEBIBYTE = 1 << 20;
/** Of a good job, from the call on: before a hook that hangs ends, though the machine may be busy with other things. */
const SOON = HOOK_SECONDS * 1000 - 500;

/** A good job is harmed when it says anything else, and held up when it was not soon. */
function unharmed(t: Test, asked: Job, got: DoneJob | undefined, gear: string, began: number): void {
  const at = Number(/^at (\d+)$/m.exec(got?.result_stdout ?? '')?.[1]);
  t.same(got, done(asked, 0, `[unruly]\n[ns]\n[${gear}]\n[fine]\nat ${at}\n`));
  t.ok(at - began < SOON, `a good job after ${at - began} ms`);
}

/** The bad jobs between good ones of three other gears; what the bad ones came back with. */
async function beside(t: Test, ...jobs: readonly Job[]): Promise<readonly DoneJob[]> {
  const others = good.slice(0, 3);
  const fine = others.map((gear) => connector(gear, 'publish-arguments', 'fine'));
  const began = Date.now();
  const results = await parallel(node, [...fine.slice(0, 1), ...jobs, ...fine.slice(1)]);
  t.equal(results.length, jobs.length + 3);
  const ofGood = [results[0], ...results.slice(1 + jobs.length)];
  fine.forEach((asked, at) => unharmed(t, asked, ofGood[at], others[at] ?? '', began));
  for (const gear of [bad, ...others]) t.same(processesOf(node, gear), [], 'nothing is left running');
  return results.slice(1, 1 + jobs.length);
}

/** A hook's arguments as it shows them. */
const shown = (words: readonly string[]): string =>
  ['unruly', 'ns', bad, ...words].map((word) => `[${word}]\n`).join('');
const withoutTime = (got: DoneJob | undefined): Job => ({
  ...got,
  result_stdout: got?.result_stdout.replace(/^at \d+\n$/m, ''),
});

await t.test('nothing in an argument is expanded', async (t) => {
  const tricks = [
    '$(touch /pwned)',
    '`touch /pwned`',
    '${HOME}',
    'a;touch /pwned',
    'a|b>/pwned',
    '*',
    '~',
    '$((1+1))',
    '!!',
  ];
  for (const trick of tricks) {
    for (const words of [escapeWord(trick), `'${trick}'`]) {
      const asked = connector(bad, 'publish-arguments', words);
      const [got] = await beside(t, asked);
      t.same(withoutTime(got), done(asked, 0, shown([trick])), words);
    }
  }
  for (const [words, why] of [
    ['$(touch /pwned)', 'holds "$" outside quotes, which a shell would act on'],
    ['`touch /pwned`', 'holds "`" outside quotes, which a shell would act on'],
    ['"$(touch /pwned)"', 'holds "$" in double quotes, which a shell would act on'],
    ['"`touch /pwned`"', 'holds "`" in double quotes, which a shell would act on'],
    ['a; touch /pwned', 'holds ";" outside quotes, which a shell would act on'],
    ['a\ntouch /pwned', 'holds "\\n" outside quotes, which a shell would act on'],
  ] as const) {
    const asked = connector(bad, 'publish-arguments', words);
    t.same(await beside(t, asked), [refused(asked, 255, `The argument string ${why}. Nothing was done.\n`)]);
  }
  t.notOk(existsSync('/pwned'));
});

await t.test('quotes that do not match', async (t) => {
  for (const [words, why] of [
    ["'abc", 'has an unmatched single quote'],
    ["\\'a\\'='b", 'has an unmatched single quote'],
    ['"abc', 'has an unmatched double quote'],
    ['abc\\', 'ends in a backslash'],
  ] as const) {
    const asked = connector(bad, 'publish-arguments', words);
    t.same(await beside(t, asked), [refused(asked, 255, `The argument string ${why}. Nothing was done.\n`)]);
  }
  const before = gearEnvironment(node, openGear(node, bad));
  for (const word of ["'db'='A=1", "'db'='A='1''", 'db=A=1', "'db'='A=1' x", "'db'='A=1;B'"]) {
    const asked = connector(bad, 'set-db-connection-info', escapeWord(word));
    const [got] = await beside(t, asked);
    t.same(got, refused(asked, 255, got?.result_stdout ?? ''));
    t.match(got?.result_stdout, /^(What is published|Published variables) .* Nothing was changed\.\n$/);
  }
  t.same(gearEnvironment(node, openGear(node, bad)), before);
});

await t.test('arguments of any length', async (t) => {
  const word = (length: number): string => 'x'.repeat(length);
  const hook = `${openGear(node, bad).home}/unruly/hooks/publish-arguments`;
  const sum = (text: string): string => createHash('md5').update(text).digest('hex');
  const line = (length: number): string => `${length} bytes ${sum(word(length))}\n`;
  for (const length of [100_000, 131_071]) {
    const asked = connector(bad, 'publish-arguments', word(length));
    t.same(
      withoutTime((await beside(t, asked))[0]),
      done(asked, 0, shown([]) + line(length)),
      String(length),
    );
  }
  const nine = connector(bad, 'publish-arguments', Array<string>(9).fill(word(100_000)).join(' '));
  t.same(withoutTime((await beside(t, nine))[0]), done(nine, 0, shown([]) + line(100_000).repeat(9)));
  const long = connector(bad, 'publish-arguments', word(200_000));
  t.same(await beside(t, long), [
    refused(
      long,
      255,
      `${hook} was not started: an argument has 200000 bytes, and one can have 131071. Nothing was done.\n`,
    ),
  ]);
  const longest = connector(bad, 'publish-arguments', word(MEBIBYTE));
  t.same(await beside(t, longest), [
    refused(
      longest,
      255,
      `--input-args is longer than ${MEBIBYTE} bytes. Action connector-execute was not done.\n`,
    ),
  ]);
});

await t.test('100 MB of output are cut, and the node stays small', async (t) => {
  let most = 0;
  const before = process.memoryUsage().rss;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 10);
  t.teardown(() => clearInterval(watch));
  const asked = connector(bad, 'publish-flood');
  const kept = LINE.repeat(MEBIBYTE / LINE.length - 1);
  const cut = 'CLIENT_MESSAGE: (The output was longer; it was cut here.)\n';
  t.same(await beside(t, asked), [done(asked, 0, `${kept}CLIENT_MESSAGE: ${LINE}${cut}`)]);
  const failing = connector(bad, 'publish-flood-and-fail');
  const lines = (prefix: string, text: string): string =>
    `${prefix}: ${text}\n`.repeat(MEBIBYTE / (text.length + 1));
  t.same(await beside(t, failing), [
    done(
      failing,
      9,
      "Control action 'publish-flood-and-fail' returned an error. rc=9\n" +
        lines('CLIENT_MESSAGE', 'out') +
        lines('CLIENT_ERROR', 'err') +
        cut,
    ),
  ]);
  t.ok(most - before < 64 * MEBIBYTE, `${Math.round((most - before) / MEBIBYTE)} MiB more at most`);
});

await t.test('a hook that never ends has its time and no more', async (t) => {
  for (const [hook, said] of [
    ['publish-never', ''],
    ['set-never', 'CLIENT_MESSAGE: started\n'],
  ] as const) {
    const asked = connector(bad, hook);
    const began = performance.now();
    t.same(await beside(t, asked), [
      done(
        asked,
        1,
        `Control action '${hook}' returned an error. rc=1\n${said}` +
          `CLIENT_ERROR: Control action '${hook}' did not end within its time (${HOOK_SECONDS} s) and was killed.\n`,
      ),
    ]);
    const took = performance.now() - began;
    t.ok(took >= HOOK_SECONDS * 1000 && took < HOOK_SECONDS * 1000 + SOON, `${Math.round(took)} ms`);
  }
});

await t.test('a hook that forks without end is bounded and ends whole', async (t) => {
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, processesOf(node, bad).length)), 50);
  t.teardown(() => clearInterval(watch));
  const asked = connector(bad, 'publish-bomb');
  const [got] = await beside(t, asked);
  const timedOut = `CLIENT_ERROR: Control action 'publish-bomb' did not end within its time (${HOOK_SECONDS} s) and was killed.\n`;
  const code = Number(got?.result_exit_code);
  t.same(
    got,
    done(
      asked,
      code,
      `Control action 'publish-bomb' returned an error. rc=${code}\n${code === 1 ? timedOut : ''}`,
    ),
  );
  t.ok([1, 254].includes(code), `ended by its deadline or by the shell that could not fork (${code})`);
  t.ok(most > 10 && most <= MOST_PROCESSES, `${most} processes at most`);
});

await t.test('what a hook leaves behind ends with it', async (t) => {
  const asked = connector(bad, 'publish-daemon');
  const began = performance.now();
  t.same(await beside(t, asked), [done(asked, 0, 'ended\n')]);
  t.ok(performance.now() - began < SOON, 'an open output of it is not waited for');
});

await t.test('only a subscriber may start a service', async (t) => {
  const asked = connector(bad, 'set-daemon');
  t.same(await parallel(node, [asked]), [done(asked, 0, 'started\n')]);
  const [service = 0, ...more] = processesOf(node, bad);
  t.same(more, []);
  t.match(readFileSync(`/proc/${service}/cmdline`, 'latin1'), /^left-running\0/);
  t.equal((await stopGear(node, { uuid: bad })).exitCode, 0);
  t.same(processesOf(node, bad), [], 'which the stop of the gear ends');
});

await t.test('a hook that is killed, and one that fails', async (t) => {
  const killed = connector(bad, 'publish-killed');
  const failing = connector(bad, 'publish-fail');
  t.same(await beside(t, killed, failing), [
    done(
      killed,
      1,
      "Control action 'publish-killed' returned an error. rc=1\n" +
        "CLIENT_MESSAGE: before\nCLIENT_ERROR: Control action 'publish-killed' was killed by SIGSEGV.\n",
    ),
    done(
      failing,
      140,
      "Control action 'publish-fail' returned an error. rc=140\n" +
        'CLIENT_MESSAGE: CART_DATA: x=1\nCLIENT_MESSAGE: out\nCLIENT_ERROR: err[31m\nCLIENT_RESULT: fine\n',
    ),
  ]);
});

await t.test('lines that it may not say are messages, and control characters go', async (t) => {
  const asked = connector(bad, 'publish-odd');
  const lines = [
    'ab[2J]0;titlecd',
    'CLIENT_MESSAGE: CART_DATA: x=1',
    'CLIENT_MESSAGE: APP_SSH_KEY_ADD: me AAAAAAAAAAAAAAAAAAAAAAAA',
    'CLIENT_MESSAGE: ENV_VAR_ADD: LD_PRELOAD=/x',
    'CLIENT_MESSAGE: BROKER_AUTH_KEY_ADD: ',
    'CLIENT_MESSAGE: NOTIFY_ENDPOINT_CREATE: {}',
    'CLIENT_RESULT: fine',
    'CLIENT_MESSAGE: CART_DATA: y=2',
    'CLIENT_MESSAGE: CART_DATA: z=3',
    '------)',
    'INFO: forged',
    'no newline',
  ];
  t.same(await beside(t, asked), [done(asked, 0, lines.map((line) => `${line}\n`).join(''))]);
  const log = readFileSync(node.config.actionLogFile, 'utf8');
  t.ok(/^\\INFO: forged$/m.test(log), "no line of the log is a hook's");
  t.notOk(/^INFO: forged/m.test(log));
  t.notOk(/[\x00\x07\x1b\x7f\u202e]/.test(log));
});

await t.test('jobs that are none', async (t) => {
  const call = { cartridge: DUMMY, action: 'connector-execute' };
  const args = { '--hook-name': 'publish-odd', '--cart-name': 'unruly-1.0', '--gear-uuid': bad };
  const noHash = 'The job is not a hash with cartridge, action and args. Nothing was done.\n';
  const noArguments = 'args is neither a text nor a hash of named arguments. Nothing was done.\n';
  const notDone = 'Action connector-execute was not done.\n';
  const neither = `--input-args is neither a string of words nor a list of words and a hash. ${notDone}`;
  const cases: readonly (readonly [inner: unknown, text: string, code?: number])[] = [
    [null, noHash],
    ['text', noHash],
    [[], noHash],
    [{ ...call, args: 7 }, noArguments],
    [{ ...call, args: true }, noArguments],
    [{ ...call, args: [] }, noArguments],
    [{ ...call, args: ['--gear-uuid', bad] }, noArguments],
    [{ ...call, args: null }, `--cart-name is required. ${notDone}`],
    [
      { ...call, args: 'a b c' },
      'Action connector-execute takes named arguments, not a string. Nothing was done.\n',
    ],
    [{ ...call, args: { ...args, '--cart-name': 7 } }, `--cart-name is no text. ${notDone}`],
    [{ ...call, args: { ...args, '--hook-name': null } }, `--hook-name is required. ${notDone}`],
    [{ ...call, args: { ...args, '--gear-uuid': undefined } }, `--gear-uuid is required. ${notDone}`],
    [{ ...call, args: { ...args, '--hook-name': 'a\0b' } }, `--hook-name holds a NUL. ${notDone}`],
    [{ ...call, args: { ...args, '--input-args': 7 } }, neither],
    [{ ...call, args: { ...args, '--input-args': { a: 1 } } }, neither],
    [{ ...call, args: { ...args, '--input-args': ['a', 'b'] } }, neither],
    [{ ...call, args: { ...args, '--input-args': ['a', 'b', 'c', { d: 7 }] } }, neither],
    [{ ...call, args: { ...args, '--input-args': 'a\0b' } }, `--input-args holds a NUL. ${notDone}`],
    [{ ...call, action: 7 }, 'action is no text. Nothing was done.\n'],
    [{ ...call, cartridge: '../x', args }, 'cartridge is not the name of a cartridge. Nothing was done.\n'],
    [
      { ...call, args: { ...args, '--cart-name': 'absent-1.0' } },
      `Gear ${bad} has no cartridge "absent-1.0". Nothing was done.\n`,
      1,
    ],
    [
      { ...call, args: { ...args, '--gear-uuid': 'f'.repeat(32) } },
      `${'f'.repeat(32)} is not a gear of this node: there is no such account. Nothing was done.\n`,
      1,
    ],
  ];
  const jobs = cases.map(([inner]) => job(bad, inner));
  const results = await beside(t, ...jobs);
  cases.forEach(([inner, text, code = 255], at) => {
    t.same(results[at], refused(jobs[at] ?? {}, code, text), JSON.stringify(inner));
  });
  for (const none of ['text', 7, null, []] as const) {
    const [got] = await parallel(node, [none as unknown as Job]);
    t.same(got, {
      job: none,
      result_exit_code: 255,
      result_stdout: noHash,
      result_stderr: noHash,
    });
  }
  const absent = job('f'.repeat(32), { ...call, args: { ...args, '--gear-uuid': 'f'.repeat(32) } });
  const text = `${'f'.repeat(32)} is not a gear of this node: there is no such account. Nothing was done.\n`;
  t.same(await beside(t, absent), [refused(absent, 1, text)]);
});

await t.test('200 jobs on 20 gears: each result in its own job, each gear in order', async (t) => {
  const jobs = Array.from({ length: 200 }, (_, at) =>
    connector(gears[at % gears.length] ?? '', 'publish-arguments', `number${at}`),
  );
  const results = await parallel(node, jobs);
  t.equal(results.length, jobs.length);
  const last = new Map<unknown, number>();
  let disorder = 0;
  results.forEach((got, at) => {
    const time = Number(/^at (\d+)$/m.exec(got.result_stdout)?.[1]);
    const expected = done(
      jobs[at] ?? {},
      0,
      `[unruly]\n[ns]\n[${String(got['gear'])}]\n[number${at}]\nat ${time}\n`,
    );
    if (JSON.stringify(Object.entries(got).sort()) !== JSON.stringify(Object.entries(expected).sort()))
      t.same(got, expected);
    if (time < (last.get(got['gear']) ?? 0)) disorder += 1;
    last.set(got['gear'], time);
  });
  t.equal(disorder, 0);
});

await t.test('eighteen hooks that never end do not hold up the two gears behind them', async (t) => {
  const hanging = gears.slice(0, 18).map((gear) => connector(gear, 'publish-never'));
  const behind = gears.slice(18).map((gear) => connector(gear, 'publish-arguments', 'fine'));
  const began = Date.now();
  const results = await parallel(node, [...hanging, ...behind]);
  behind.forEach((asked, at) => unharmed(t, asked, results[18 + at], gears[18 + at] ?? '', began));
  t.ok(results.slice(0, 18).every(({ result_exit_code }) => result_exit_code === 1));
  await sleep(50);
  for (const gear of gears) t.same(processesOf(node, gear), []);
});
