// However a host ends, nothing of it stays on the machine: looked at from outside, before and after.
import t from 'tap';
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Host } from './host.js';

type Traces = Record<string, unknown>;
const scripts = new URL('../../../test/hosts/', import.meta.url);
const { traces, differences } = (await import(new URL('traces.mjs', scripts).href)) as {
  traces: () => Traces;
  differences: (before: Traces, after: Traces) => string[];
};
const runner = fileURLToPath(new URL('runner.mjs', scripts));

/** Everything a node does to its host, in short: account, files, rules, cgroups, mounts, daemons that ignore signals. */
const mess = `useradd -m -c 'OpenShift guest' 0123456789abcdef0123456789abcdef
  echo x >> /etc/ssh/sshd_config; mkdir -p /etc/openshift /var/lib/openshift
  iptables -A INPUT -s 10.99.0.0/16 -j DROP
  for h in /sys/fs/cgroup/*/ /sys/fs/cgroup/; do
    mkdir -p $h/openshift/one/two 2>/dev/null && { sleep 1000 & echo $! > $h/openshift/one/two/cgroup.procs; } 2>/dev/null
  done
  mkdir -p /mnt/a && mount -t tmpfs none /mnt/a && cd /mnt/a
  setsid bash -c 'trap "" TERM INT HUP; while :; do sleep 1; done' >/dev/null 2>&1 &
  setsid sleep 1000 >/dev/null 2>&1 </dev/null &`;

async function untilClean(before: Traces, limit: number): Promise<string[]> {
  const end = Date.now() + limit;
  for (;;) {
    const found = differences(before, traces());
    if (found.length === 0 || Date.now() > end) return found;
    await sleep(100);
  }
}

t.test('nothing stays after an ordinary end', async (t) => {
  const before = traces();
  const host = await Host.start({ link: true, disk: true, address: '192.168.77.6' });
  await host.run(['bash', '-c', mess]);
  await host.stop();
  t.same(differences(before, traces()), []);
});

t.test('nothing stays after kill -9 of the runner', async (t) => {
  const before = traces();
  const host = await Host.start({ link: true, disk: true, address: '192.168.77.6' });
  await host.run(['bash', '-c', mess]);
  process.kill(host.runnerPid, 'SIGKILL');
  t.same(await untilClean(before, 15_000), []);
});

t.test('a cable is seen from outside while it is held, and goes after kill -9 of a runner', async (t) => {
  const before = traces();
  const name = `left-${process.pid}`;
  const hosts = await Promise.all(
    [1, 2].map((n) => Host.start({ cable: { name, address: `10.77.0.${n}` } })),
  );
  // A process of the machine that holds the cable is what a leftover would look like.
  const path = `/proc/${hosts[0]?.info.init}/fd/9`;
  const holder = spawn('bash', ['-c', 'exec 9<"$1" && echo held && read -r _', 'hold', path]);
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  for (const host of hosts) process.kill(host.runnerPid, 'SIGKILL');
  const ended = `cable came: ${name}`;
  const end = Date.now() + 15_000;
  let found = differences(before, traces());
  for (; found.some((line) => line !== ended) && Date.now() < end; found = differences(before, traces()))
    await sleep(100);
  t.same(found, [ended], 'held by a process that is no host it is a trace');
  holder.stdin.end();
  t.same(await untilClean(before, 15_000), []);
});

t.test(
  'nothing stays after kill -9 of the runner at any moment of the start',
  { timeout: 120_000 },
  async (t) => {
    const before = traces();
    for (let moment = 20; moment <= 320; moment += 30) {
      const child = spawn(
        process.execPath,
        [runner, '--link', '--cable', 'moment=10.77.0.9', '--', 'sleep', '1000'],
        {
          stdio: 'ignore',
        },
      );
      await sleep(moment);
      child.kill('SIGKILL');
    }
    // Before the watchdog is there, the next start removes what is left, once it is old enough to be nobody's.
    const found = await untilClean(before, 12_000);
    if (found.length > 0) {
      const sweeper = spawn(process.execPath, [runner, '--sweep'], { stdio: 'ignore' });
      await new Promise((resolve) => sweeper.once('exit', resolve));
    }
    t.same(await untilClean(before, 5000), []);
  },
);

t.test('an interrupt ends the command and the host', async (t) => {
  const before = traces();
  const argv = [runner, '--info-fd', '3', '--', 'sleep', '1000'];
  const stdio = ['ignore', 'ignore', 'pipe', 'pipe'] as const;
  const child = spawn(process.execPath, argv, { stdio: [...stdio], detached: true });
  const status = new Promise((resolve) => child.once('exit', resolve));
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  await Promise.race([status, new Promise((resolve) => child.stdio[3]?.once('data', resolve))]);
  process.kill(-(child.pid ?? 0), 'SIGINT');
  t.equal(await status, 130, said);
  t.same(await untilClean(before, 5000), []);
});

t.test('an interrupt while the host is made ends it as well', { timeout: 120_000 }, async (t) => {
  const before = traces();
  for (let moment = 150; moment <= 350; moment += 50) {
    const child = spawn(process.execPath, [runner, '--', 'sleep', '1000'], {
      stdio: 'ignore',
      detached: true,
    });
    const status = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
    await sleep(moment);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    t.not(await status, 0);
  }
  const sweeper = spawn(process.execPath, [runner, '--sweep'], { stdio: 'ignore' });
  await new Promise((resolve) => sweeper.once('exit', resolve));
  t.same(await untilClean(before, 5000), []);
});
