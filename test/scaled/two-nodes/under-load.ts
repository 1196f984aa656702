// The application is asked without a pause while gears come, code is pushed, SSH servers restart and gears go.
import type { Test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSshd, stopSshd } from './nodes.js';
import type { RunningLoad } from './running-load.js';
import type { Scene } from './scene.js';

const REQUESTS = 100_000;

export async function underLoad(t: Test, scene: Scene): Promise<void> {
  const load = scene.load(8, { most: 1_000_000, seconds: 540 });
  const first = await scene.allServe(load);
  t.same(Object.keys(first.seen).sort(), [...scene.inService].sort(), 'each gear gets requests');
  const gone: string[] = [];
  let rounds = 0;
  do {
    gone.push(await change(t, scene, load));
    rounds += 1;
  } while ((await load.report()).answered < REQUESTS);
  const report = await load.stop();
  t.comment(`${rounds} rounds`, JSON.stringify({ ...report, failures: undefined }));
  t.ok(report.answered >= REQUESTS, `${report.answered} requests were answered`);
  t.same(report.failed, {}, `none failed\n${report.failures.join('\n')}`);
  t.same(scene.deployed.stale(report), [], 'none was older than its gear');
  for (const gear of gone) t.ok(report.seen[gear], `the gear that went had served: ${gear}`);
}

/** Once everything, and back to the gears that there were; gives the gear that came and went. */
async function change(t: Test, scene: Scene, load: RunningLoad): Promise<string> {
  const added = await scene.scaleUp('two');
  await scene.allServe(load);
  const push = await scene.push();
  const all = [scene.head, ...scene.webGears].map(({ uuid }) => uuid);
  t.same([...push.completed].sort(), all.sort(), `each gear has ${scene.version}\n${push.text}`);
  await scene.allServe(load);
  for (const host of [scene.nodes.two, scene.nodes.one]) {
    await stopSshd(host);
    await sleep(300);
    await startSshd(host);
  }
  await scene.allServe(load);
  const removed = await scene.scaleDown();
  t.equal(removed.uuid, added.uuid, 'the newest gear goes');
  const gone = Date.now();
  await scene.allServe(load);
  const versions = Object.values((await load.report()).seen[removed.uuid] ?? {});
  t.ok(
    versions.every(({ lastAsked }) => lastAsked <= gone),
    'a gear that went is not asked again',
  );
  return removed.uuid;
}
