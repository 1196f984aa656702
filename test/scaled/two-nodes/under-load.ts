// The application is asked without a pause while a gear comes, code is pushed, SSH servers restart and a gear goes.
import type { Test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSshd, stopSshd } from './nodes.js';
import type { Scene } from './scene.js';

const REQUESTS = 100_000;

export async function underLoad(t: Test, scene: Scene): Promise<void> {
  const load = scene.load(8, { most: 1_000_000, seconds: 600 });
  const first = await scene.allServe(load);
  t.same(Object.keys(first.seen).sort(), [...scene.inService].sort(), 'each gear gets requests');

  const added = await scene.scaleUp('two');
  await scene.allServe(load);
  t.pass(`a gear of the other node has come: ${added.uuid}`);

  const push = await scene.push();
  const all = [scene.head, ...scene.webGears].map(({ uuid }) => uuid);
  t.same([...push.completed].sort(), all.sort(), push.text);
  await scene.allServe(load);
  t.pass('the push is served by every gear in service');

  for (const host of [scene.nodes.two, scene.nodes.one]) {
    await stopSshd(host);
    await sleep(300);
    await startSshd(host);
  }
  await scene.allServe(load);
  t.pass('SSH servers have restarted');

  const removed = await scene.scaleDown();
  t.equal(removed.uuid, added.uuid);
  const { seen } = await scene.allServe(load);
  const last = Object.values(seen[removed.uuid] ?? {}).map(({ lastAsked }) => lastAsked);

  await load.until(({ answered }) => answered >= REQUESTS, 480_000);
  const report = await load.stop();
  t.comment(JSON.stringify({ ...report, failures: undefined }));
  t.ok(report.answered >= REQUESTS, `${report.answered} requests were answered`);
  t.same(report.failed, {}, `none failed\n${report.failures.join('\n')}`);
  t.same(scene.deployed.stale(report), [], 'none was older than its gear');
  t.same(
    Object.values(report.seen[removed.uuid] ?? {}).map(({ lastAsked }) => lastAsked),
    last,
    'the gear that went was not asked again',
  );
}
