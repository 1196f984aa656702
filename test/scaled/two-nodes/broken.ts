// The distribution of a push breaks: the gear that it did not reach keeps the old version whole, the pusher reads which
// gear and why, and the next push repairs it. Visitors notice nothing.
import type { Test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerGear } from '../broker/application.js';
import { command, must } from '../../demo/node-host.js';
import type { Host } from '../../hosts/host.js';
import { startSshd, stopSshd } from './nodes.js';
import type { PushOptions } from './repository.js';
import type { Scene } from './scene.js';

interface Breakage {
  /** Before the push begins. */
  spoil?(): Promise<void>;
  mend(): Promise<void>;
  readonly why: RegExp;
  readonly push?: PushOptions;
}

async function broken(t: Test, scene: Scene, gear: BrokerGear, breakage: Breakage): Promise<void> {
  const load = scene.load(2, { most: 1_000_000, seconds: 300 });
  const old = scene.version;
  await scene.allServe(load);
  await breakage.spoil?.();
  const push = await scene.push(breakage.push);
  const others = [scene.head, ...scene.webGears].filter(({ uuid }) => uuid !== gear.uuid);
  t.same(
    [...push.completed].sort(),
    others.map(({ uuid }) => uuid).sort(),
    `the others have it\n${push.text}`,
  );
  const blamed = push.lines.find(({ text }) => text.includes(gear.uuid) && text.includes('not synchronized'));
  t.match(blamed?.text ?? '', breakage.why, 'the pusher reads which gear and why');
  t.match(push.text, /^Deployment completed with status: failure$/m);
  t.equal(await pageInTheEnd(scene, gear), `${old} ${gear.uuid}\n`, 'the old version is whole and runs');
  t.match(await scene.page('/'), new RegExp(`^${scene.version} `), 'visitors get the new one');

  await breakage.mend();
  const next = await scene.push();
  t.same([...next.completed].sort(), [gear, ...others].map(({ uuid }) => uuid).sort(), next.text);
  t.match(next.text, /^Deployment completed with status: success$/m);
  await scene.allServe(load);
  t.equal(await scene.pageOf(gear, '/'), `${scene.version} ${gear.uuid}\n`, 'the next push has repaired it');
  const report = await load.stop();
  t.same(report.failed, {}, `no visitor noticed\n${report.failures.join('\n')}`);
  t.same(scene.deployed.stale(report), []);
}

/** What a gear answers, once it does: one that lost its connection puts itself right on its own. */
async function pageInTheEnd(scene: Scene, gear: BrokerGear): Promise<string> {
  for (const end = Date.now() + 30_000; ; await sleep(200)) {
    try {
      return await scene.pageOf(gear, '/');
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
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

/** The SSH server ends with all of its sessions while the gear has the new code and its `deploy` hook runs. */
export async function sshdKilledInTheMiddle(t: Test, scene: Scene): Promise<void> {
  const gear = scene.webGears[0]!;
  const host = scene.nodes.hostOf(gear);
  let [there, killed] = [false, Promise.resolve()];
  const push: PushOptions = {
    deploySeconds: 3,
    onLine: ({ text }) => {
      if (text.startsWith('Syncing to gear: ')) there = text.includes(gear.uuid);
      if (!there || !text.startsWith('Running .openshift/action_hooks/deploy')) return;
      there = false;
      killed = killSshd(host);
    },
  };
  await broken(t, scene, gear, {
    push,
    mend: async () => {
      await killed;
      await startSshd(host);
    },
    why: /Connection to .* closed by remote host/,
  });
}

async function killSshd(host: Host): Promise<void> {
  const { stdout } = await must(host, ['ps', '-C', 'sshd', '-o', 'pid=']);
  await must(host, ['kill', '-KILL', ...stdout.trim().split(/\s+/)]);
}

/** The gear's home becomes a small disk of its own, and is filled until a push with a large file has no room. */
export async function diskFull(t: Test, scene: Scene): Promise<void> {
  const gear = scene.webGears[0]!;
  const host = scene.nodes.hostOf(gear);
  const home = `/var/lib/openshift/${gear.uuid}`;
  const stopped = async (script: string): Promise<void> => {
    await must(host, [command('oo-admin-ctl-gears'), 'stopgear', gear.uuid]);
    await must(host, ['bash', '-e', '-c', script, 'disk', home]);
    await must(host, [command('oo-admin-ctl-gears'), 'startgear', gear.uuid]);
  };
  await stopped(`mkdir -m 0700 /root/home
    cp -a "$1/." /root/home/
    mount -t tmpfs -o size=24m,mode=$(stat -c %a "$1"),uid=$(stat -c %u "$1"),gid=$(stat -c %g "$1") home "$1"
    cp -a /root/home/. "$1/"`);
  try {
    await broken(t, scene, gear, {
      spoil: async () => {
        const fill = `free=$(df --output=avail -k "$1" | tail -n 1)
          head -c $(((free - 1024) * 1024)) /dev/zero >"$1/app-root/data/fill"`;
        await must(host, ['bash', '-c', fill, 'fill', home]);
      },
      mend: async () => void (await must(host, ['rm', `${home}/app-root/data/fill`])),
      why: /No space left on device/,
      push: { blob: 3 << 20 },
    });
  } finally {
    await stopped(`rm -rf /root/home; cp -a "$1" /root/home
      umount -l "$1"
      rsync -aAX --delete /root/home/ "$1/"`);
  }
}
