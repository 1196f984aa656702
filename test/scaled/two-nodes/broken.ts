// The distribution of a push breaks in the middle: the gear that it did not reach keeps the old version whole, the pusher
// reads which gear and why, and the next push repairs it. Visitors notice nothing.
import type { Test } from 'tap';
import type { BrokerGear } from '../broker/application.js';
import { must } from '../../demo/node-host.js';
import { startSshd, stopSshd } from './nodes.js';
import type { Scene } from './scene.js';

async function broken(
  t: Test,
  scene: Scene,
  gear: BrokerGear,
  how: { spoil(): Promise<void>; mend(): Promise<void>; why: RegExp; blob?: number },
): Promise<void> {
  const load = scene.load(2, { most: 1_000_000, seconds: 300 });
  const old = scene.version;
  await scene.allServe(load);
  await how.spoil();
  const push = await scene.push({ blob: how.blob ?? 0 });
  t.notOk(push.completed.includes(gear.uuid), push.text);
  const others = [scene.head, ...scene.webGears].filter(({ uuid }) => uuid !== gear.uuid);
  t.same([...push.completed].sort(), others.map(({ uuid }) => uuid).sort(), 'the others have it');
  t.match(push.text, how.why, 'the pusher reads why');
  const blamed = push.lines.filter(({ text }) => text.includes(gear.uuid) && how.why.test(text));
  t.not(blamed.length, 0, `one line names gear and reason\n${push.text}`);
  t.match(push.text, /^Deployment completed with status: failure$/m);
  t.equal(await scene.pageOf(gear, '/'), `${old} ${gear.uuid}\n`, 'the old version is whole and runs');
  const page = await scene.page('/');
  t.match(page, new RegExp(`^${scene.version} `), 'visitors get the new one');

  await how.mend();
  const next = await scene.push();
  t.same([...next.completed].sort(), [gear, ...others].map(({ uuid }) => uuid).sort(), next.text);
  t.match(next.text, /^Deployment completed with status: success$/m);
  await scene.allServe(load);
  t.equal(await scene.pageOf(gear, '/'), `${scene.version} ${gear.uuid}\n`, 'the next push has repaired it');
  const report = await load.stop();
  t.same(report.failed, {}, `no visitor noticed\n${report.failures.join('\n')}`);
  t.same(scene.deployed.stale(report), []);
}

export async function sshdStopped(t: Test, scene: Scene): Promise<void> {
  const gear = scene.webGears[0]!;
  const host = scene.nodes.hostOf(gear);
  await broken(t, scene, gear, {
    spoil: () => stopSshd(host),
    mend: () => startSshd(host),
    why: /Connection refused/,
  });
}

/** The gear's home becomes a small disk of its own, and is filled until a push with a large file has no room. */
export async function diskFull(t: Test, scene: Scene): Promise<void> {
  const gear = scene.webGears[0]!;
  const host = scene.nodes.hostOf(gear);
  const home = `/var/lib/openshift/${gear.uuid}`;
  const control = `${'/usr/sbin/oo-admin-ctl-gears'}`;
  const small = `set -e
    mkdir -m 0700 /root/home-before
    cp -a "$1/." /root/home-before/
    mount -t tmpfs -o size=24m,mode=$(stat -c %a "$1") home "$1"
    chown --reference=/root/home-before "$1"; chown $(stat -c %u:%g "$2") "$1"
    cp -a /root/home-before/. "$1/"`;
  await must(host, [control, 'stopgear', gear.uuid]);
  await must(host, ['bash', '-c', small, 'small', home, home]);
  await must(host, [control, 'startgear', gear.uuid]);
  try {
    await broken(t, scene, gear, {
      spoil: async () => {
        const fill =
          'free=$(df --output=avail -k "$1" | tail -1); head -c $(((free - 1024) * 1024)) /dev/zero >"$1/app-root/data/fill"';
        await must(host, ['bash', '-c', fill, 'fill', home]);
      },
      mend: async () => void (await must(host, ['rm', `${home}/app-root/data/fill`])),
      why: /No space left on device/,
      blob: 3 << 20,
    });
  } finally {
    const back = `set -e
      mkdir /root/home-after; cp -a "$1/." /root/home-after/
      umount -l "$1"; rsync -aAX --delete /root/home-after/ "$1/"`;
    await must(host, [control, 'stopgear', gear.uuid]);
    await must(host, ['bash', '-c', back, 'back', home]);
    await must(host, [control, 'startgear', gear.uuid]);
  }
}
