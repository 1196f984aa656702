/** Side by side: bounded, in order, and slow work does not hold up quick work. */
import t from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { sideBySide } from '../../src/actions/side-by-side.js';

await t.test('nothing is nothing', async () => sideBySide([]));

await t.test('at most sixteen quick ones at once, begun in order, all ended', async (t) => {
  let now = 0;
  let most = 0;
  let ended = 0;
  const begun: number[] = [];
  const task = (at: number) => async (): Promise<void> => {
    begun.push(at);
    now += 1;
    most = Math.max(most, now);
    await sleep(2);
    now -= 1;
    ended += 1;
  };
  const tasks = Array.from({ length: 200 }, (_, at) => task(at));
  await sideBySide(tasks);
  t.equal(most, 16);
  t.equal(ended, 200);
  t.same(begun, [...tasks.keys()]);
});

await t.test('forty that take three seconds hold up a quick one for some two', async (t) => {
  const start = performance.now();
  let quick = 0;
  await sideBySide([
    ...Array.from({ length: 40 }, () => () => sleep(3500)),
    async () => void (quick = performance.now() - start),
  ]);
  t.ok(quick > 1900 && quick < 3200, `${Math.round(quick)} ms`);
});

await t.test('what throws after all is not lost', async (t) => {
  await t.rejects(sideBySide([() => Promise.reject(new Error('lost'))]), { message: 'lost' });
});
