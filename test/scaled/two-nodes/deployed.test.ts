// What a push says becomes moments, and an answer older than its gear's last deploy is found.
import t from 'tap';
import { Deployed } from './deployed.js';
import type { LoadReport } from './tally.js';

const [head, one, two] = ['a', 'b', 'c'].map((letter) => letter.repeat(32)) as [string, string, string];
const said = (gear: string, exitCode: number): readonly string[] => [
  `+ echo 'Syncing to gear: ${gear}@192.168.59.145:php-5.3 @ ' Wed Feb 27 09:55:15 EST 2013`,
  `Syncing to gear: ${gear}@192.168.59.145:php-5.3 @  Wed Feb 27 09:55:15 EST 2013`,
  `Exit code: ${exitCode}`,
];
const report = (gear: string, version: string, lastAsked: number): LoadReport => ({
  ...{ time: 0, answered: 1, failed: {}, failures: [], ended: true },
  milliseconds: { median: 1, p99: 1, longest: 1 },
  seen: { [gear]: { [version]: { count: 1, lastAsked } } },
});

t.test('the gears that completed, each at its line', async (t) => {
  const deployed = new Deployed();
  const texts = ['Deployment id is 0a1b2c3d', ...said(one, 0), ...said(two, 128)];
  const lines = texts.map((text, n) => ({ text, time: 1000 + n }));
  t.same(deployed.recordPush(head, 'v2', { exitCode: 0, lines, text: '' }), [head, one]);
  t.same(deployed.stale(report(head, 'v1', 1000)), []);
  t.same(deployed.stale(report(head, 'v1', 1001)).length, 1);
  t.same(deployed.stale(report(one, 'v1', 1003)), []);
  t.match(deployed.stale(report(one, 'v1', 1005)), [/^b{32} answered v1 .* 2 ms after v2 was complete/]);
  t.same(deployed.stale(report(one, 'v2', 9999)), []);
  t.same(deployed.stale(report(two, 'v1', 9999)), [], 'its deploy did not complete');
});
