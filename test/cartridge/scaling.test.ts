/**
 * The arithmetic of the autoscaler (`cartridges/haproxy/lib/scaling`, bash) beside a model of the same rules in exact
 * fractions, over the tables of the contract and over many generated histories of an application.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import fc from 'fast-check';
import t from 'tap';
import { Model, type Poll, type Rules } from './scaling-model.js';

const library = fileURLToPath(new URL('../../../cartridges/haproxy/lib/scaling', import.meta.url));

/** Plays histories through the shell's functions; a line for each poll. */
async function play(histories: readonly { rules: Rules; polls: readonly Poll[] }[]): Promise<string[]> {
  const script = `
    source "$1"
    while read -r kind a b c d e; do
      if [[ $kind == rules ]]; then
        sessions_per_gear=$a up_percent=$b window=$c remove_polls=$d flap_seconds=$e
        now=1000000000 last_up=0 last_event=0 last_failure=0 gears_then=0
        forget_samples
        continue
      fi
      now=$((now + a)) gears=$c
      add_sample "$b"
      decide
      gear_info
      printf '%s|%s|%s\\n' "$decision" "$blocked" "$REPLY"
      [[ -n $decision ]] || continue
      if [[ $d == granted ]]; then
        last_event=$now last_failure=0 gears_then=$gears
        [[ $decision == up ]] && last_up=$now
      else
        last_failure=$now
      fi
      forget_samples
    done`;
  const input = histories.flatMap(({ rules, polls }) => [
    `rules ${rules.sessionsPerGear} ${rules.upPercent} ${rules.window} ${rules.removePolls} ${rules.flapSeconds}`,
    ...polls.map(
      ({ after, sessions, gears, granted }) =>
        `poll ${after} ${sessions} ${gears} ${granted ? 'granted' : 'failed'}`,
    ),
  ]);
  const { stdout } = await execa('bash', ['-c', script, 'play', library], { input: `${input.join('\n')}\n` });
  return stdout === '' ? [] : stdout.split('\n');
}

const usual: Rules = { sessionsPerGear: 16, upPercent: 90, window: 10, removePolls: 20, flapSeconds: 600 };
const poll = (sessions: number, gears: number, after = 5): Poll => ({
  after,
  sessions,
  gears,
  granted: true,
});
const times = (count: number, what: Poll): Poll[] => Array.from({ length: count }, () => what);

await t.test('thresholds of the contract', async (t) => {
  const expected = new Map([
    [1, '1.0'],
    [2, '31.5'],
    [3, '46.5'],
    [4, '54.0'],
    [5, '58.5'],
    [6, '61.5'],
    [7, '64.2'], // 64.286
    [8, '67.5'],
    [10, '72.0'],
    [100, '88.2'],
  ]);
  for (const [gears, percent] of expected) {
    const [line] = await play([{ rules: usual, polls: [poll(8 * gears, gears)] }]);
    t.equal(
      line,
      `||GEAR_INFO - capacity: 50.0% gear_count: ${gears} sessions: ${8 * gears} up/remove_thresh: 90.0%/${percent}% sec_left_til_remove: 0 gear_remove_thresh: 0/20`,
    );
  }
});

await t.test('one gear more at 90 % of the average and not a poll earlier', async (t) => {
  const decisions = async (polls: Poll[]): Promise<string[]> =>
    (await play([{ rules: usual, polls }])).map((line) => line.replace(/\|.*/, ''));
  t.same(new Set(await decisions(times(9, poll(160, 1)))), new Set(['']), 'not before the window is full');
  t.equal((await decisions(times(10, poll(15, 1)))).at(-1), 'up', '93.8 %');
  const exactly = [...times(6, poll(14, 1)), ...times(4, poll(15, 1))]; // 144 of 160
  t.equal((await decisions(exactly)).at(-1), 'up', '90 % exactly');
  const almost = [...times(7, poll(14, 1)), ...times(3, poll(15, 1))]; // 143 of 160
  t.equal((await decisions(almost)).at(-1), '', '89.4 %');
  const burst = [...times(9, poll(1, 1)), poll(100, 1)];
  t.equal((await decisions(burst)).at(-1), '', 'one burst is no load');
});

await t.test('granted once, then protected until the gear is there or the time is over', async (t) => {
  const polls = [...times(10, poll(40, 1)), ...times(125, poll(40, 1))];
  const lines = await play([{ rules: usual, polls }]);
  const ups = lines.flatMap((line, n) => (line.startsWith('up') ? [n] : []));
  t.same(ups, [9, 129], '600 seconds later, 120 polls of 5');
  const arrives = [...times(10, poll(40, 1)), ...times(10, poll(40, 2))];
  const again = await play([{ rules: usual, polls: arrives }]);
  t.same(
    again.flatMap((line, n) => (line.startsWith('up') ? [n] : [])),
    [9, 19],
    'a gear that came and is not enough: after one more window',
  );
});

await t.test('one gear less: twenty quiet polls, and never within the protection', async (t) => {
  const quiet = await play([{ rules: usual, polls: times(29, poll(0, 2)) }]);
  t.match(quiet.at(-1), /^down\|\|.* gear_remove_thresh: 20\/20$/);
  t.notOk(quiet.slice(0, -1).some((line) => line.startsWith('down')));
  const interrupted = [...times(28, poll(0, 2)), poll(300, 2), ...times(20, poll(0, 2))];
  t.notOk((await play([{ rules: usual, polls: interrupted }])).some((line) => line.startsWith('down')));
  const after = [...times(10, poll(40, 1)), ...times(121, poll(0, 2))];
  const lines = await play([{ rules: usual, polls: after }]);
  t.same(
    lines.flatMap((line, n) => (/^(up|down)/.test(line) ? [`${n} ${line.replace(/\|.*/, '')}`] : [])),
    ['9 up', '129 down'],
  );
  t.match(lines[100], /sec_left_til_remove: 145 gear_remove_thresh: 20\/20$/);
});

await t.test('a clock that jumps back prolongs nothing', async (t) => {
  const polls = [...times(10, poll(40, 1)), poll(40, 1, -100_000), ...times(125, poll(40, 1))];
  const lines = await play([{ rules: { ...usual, flapSeconds: 60 }, polls }]);
  t.ok(lines.every((line) => Number(/til_remove: (\d+)/.exec(line)?.[1]) <= 60));
});

const rules: fc.Arbitrary<Rules> = fc.record({
  sessionsPerGear: fc.oneof(fc.constant(16), fc.integer({ min: 1, max: 100_000 })),
  upPercent: fc.oneof(fc.constant(90), fc.integer({ min: 1, max: 1000 })),
  window: fc.integer({ min: 1, max: 12 }),
  removePolls: fc.integer({ min: 1, max: 6 }),
  flapSeconds: fc.integer({ min: 0, max: 60 }),
});

/** Loads about the thresholds, so that both sides of each are visited. */
const history = fc
  .record({ rules, seed: fc.array(fc.nat({ max: 9 }), { minLength: 5, maxLength: 60 }) })
  .chain(({ rules, seed }) =>
    fc.record({
      rules: fc.constant(rules),
      polls: fc.tuple(
        ...seed.map((digit) =>
          fc.record({
            after: fc.integer({ min: 0, max: 20 }),
            gears: fc.constant(1 + Math.floor(digit / 3)),
            sessions: fc.oneof(
              fc.nat({ max: 40 }),
              fc
                .integer({ min: 0, max: 120 })
                .map((percent) =>
                  Math.floor((rules.sessionsPerGear * (1 + Math.floor(digit / 3)) * percent) / 100),
                ),
            ),
            granted: fc.boolean(),
          }),
        ),
      ),
    }),
  );

const everyOutcome: Poll[] = [
  ...times(10, { ...poll(40, 1), granted: false }),
  ...times(140, poll(40, 1)),
  ...times(130, poll(0, 2)),
];

await t.test('generated histories: the shell and the model agree poll by poll', async (t) => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(history, { minLength: 1, maxLength: 20 }), async (histories) => {
      const said = await play(histories);
      const expected = histories.flatMap(({ rules, polls }) => {
        const model = new Model(rules);
        return polls.map((poll) => model.poll(poll));
      });
      deepStrictEqual(said, expected);
      for (const line of said) seen.add(line.replace(/\|GEAR_INFO.*/, ''));
    }),
    { numRuns: 60, examples: [[[{ rules: usual, polls: everyOutcome }]]] },
  );
  t.same(
    [...seen].sort(),
    [
      'down|',
      'up|',
      '|',
      '|a gear was added not long ago',
      '|the last request failed',
      '|the last request is under way',
    ],
    'every outcome was among them',
  );
});
