// A disposable host: what it is inside, and that it is gone afterwards.
import t from 'tap';
import { readFileSync, readdirSync } from 'node:fs';
import { Host, type HostOptions } from './host.js';

t.test('a host has its own name, processes, network, mounts and cgroups', async (t) => {
  const host = await Host.start({
    hostname: 'broker.test.example.com',
    address: ['192.168.77.5', '10.9.8.7'],
  });
  t.teardown(() => host.stop());
  const read = async (...argv: string[]): Promise<string> => (await host.run(argv)).stdout.trim();

  t.equal(await read('hostname'), 'broker.test.example.com');
  t.match(await read('getent', 'hosts', 'broker.test.example.com'), /^192\.168\.77\.5\s/);
  t.match(await read('ip', '-br', 'addr', 'show', 'net0'), /192\.168\.77\.5\/24 10\.9\.8\.7\/24/);
  t.match(await read('ip', '-br', 'addr', 'show', 'lo'), /127\.0\.0\.1\/8/, 'loopback is up');
  t.equal(await read('cat', '/proc/1/comm'), 'bash', 'process 1 is its own');
  const machineInit = readFileSync('/proc/1/cmdline', 'utf8');
  t.not(await read('cat', '/proc/1/cmdline'), machineInit.trim());
  t.equal(await read('stat', '-c', '%a %U', '/tmp', '/run', '/dev/shm'), '1777 root\n755 root\n1777 root');
  t.equal(await read('sh', '-c', 'ls /tmp /run/openshift 2>/dev/null | wc -l'), '1', '/tmp is empty');
  for (const line of (await read('cat', '/proc/self/cgroup')).split('\n')) {
    t.match(line, /:\/(init)?$/, `the host's own group is the root of ${line}`);
  }
  const layout = (await read('sh', '-c', 'ls -d /sys/fs/cgroup/*/cgroup.procs')).split('\n');
  const machine = readdirSync('/sys/fs/cgroup').filter(
    (name) => !name.includes('.') && !name.startsWith('oo-'),
  );
  if (machine.includes('unified') || machine.includes('memory')) {
    t.same(
      layout.map((path) => path.split('/')[4]),
      machine.sort(),
      'each hierarchy of the machine is at its place',
    );
  }
});

t.test('what a host writes is not on the machine, and the repository cannot be written', async (t) => {
  const host = await Host.start();
  t.teardown(() => host.stop());
  const before = readFileSync('/etc/passwd', 'utf8');
  const made = await host.run(['useradd', '-m', '-c', 'OpenShift guest', 'tenant']);
  t.equal(made.exitCode, 0, made.stderr);
  t.match((await host.run(['id', 'tenant'])).stdout, /uid=\d+\(tenant\)/);
  t.equal(readFileSync('/etc/passwd', 'utf8'), before);
  t.match((await host.run(['touch', 'package.json'])).stderr, /Read-only file system/);
  t.equal((await host.run(['mkdir', '-p', '.tap/x'])).exitCode, 0, 'the test runner has its scratch place');
});

t.test('limits can be set on a group made inside, and processes move into it', async (t) => {
  const host = await Host.start();
  t.teardown(() => host.stop());
  const script = `set -e
    v2=/sys/fs/cgroup/unified; [ -d $v2 ] || v2=/sys/fs/cgroup
    mkdir -p $v2/openshift/g; sleep 60 & echo $! > $v2/openshift/g/cgroup.procs
    grep -q . $v2/openshift/g/cgroup.procs
    pids=/sys/fs/cgroup/pids; [ -d $pids ] || pids=$v2
    mkdir -p $pids/openshift/g; echo 50 > $pids/openshift/g/pids.max; cat $pids/openshift/g/pids.max
    echo 1 > $v2/openshift/g/cgroup.kill`;
  const { stdout, stderr, exitCode } = await host.run(['bash', '-c', script]);
  t.equal(exitCode, 0, stderr);
  t.equal(stdout.trim(), '50');
});

t.test('exit status, output, input and environment pass through', async (t) => {
  const host = await Host.start({ env: { FROM_HOST: 'a b' } });
  t.teardown(() => host.stop());
  t.match(await host.run(['sh', '-c', 'echo out; echo err >&2; exit 7']), {
    exitCode: 7,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  t.equal((await host.run(['cat'], { input: 'x\ny' })).stdout, 'x\ny');
  const echoed = await host.run(['sh', '-c', 'echo "$FROM_HOST|$FROM_RUN|$PWD"'], {
    env: { FROM_RUN: "it's" },
    cwd: '/var',
  });
  t.equal(echoed.stdout, "a b|it's|/var\n");
  const began = Date.now();
  const slow = await host.run(['sleep', '60'], { timeout: 300 });
  t.equal(slow.signal, 'SIGKILL');
  t.ok(Date.now() - began < 5000, 'a timeout ends the command');
});

t.test('process 1 reaps orphans', async (t) => {
  const host = await Host.start();
  t.teardown(() => host.stop());
  const orphans =
    'for n in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.1 & ) ; done; sleep 0.6; ps -e -o stat= | grep -c Z';
  t.equal((await host.run(['bash', '-c', orphans])).stdout.trim(), '0');
});

t.test('a link joins host and machine in both directions', async (t) => {
  const host = await Host.start({ link: true });
  t.teardown(() => host.stop());
  const address = String(host.address);
  const server = `require('node:http').createServer((q, r) => r.end('from ' + q.socket.remoteAddress))
    .listen(8080, '${address}', () => console.log('listening'))`;
  const child = host.spawn([process.execPath, '-e', server]);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  const reply = await (await fetch(`http://${address}:8080/`)).text();
  t.equal(reply, `from ${host.info.machine}`);
});

t.test('two hosts at once do not see each other', async (t) => {
  const hosts = await Promise.all([Host.start({ link: true }), Host.start({ link: true })]);
  t.teardown(() => Promise.all(hosts.map((host) => host.stop())));
  const [one, two] = hosts;
  t.not(one.address, two.address);
  await one.run(['touch', '/etc/mark']);
  t.not((await two.run(['test', '-e', '/etc/mark'])).exitCode, 0);
  t.equal((await two.run(['ls', '/sys/fs/cgroup/unified/openshift'])).exitCode === 0, false);
});

/** The first line that a server of a host says to whoever connects, asked for by another host; or why not. */
async function heard(from: Host, address: string): Promise<string> {
  const dial = `exec 3<>/dev/tcp/$1/8080 && IFS= read -r -t 3 line <&3 && echo "$line"`;
  const { stdout, stderr } = await from.run(['timeout', '3', 'bash', '-c', dial, 'dial', address]);
  return stdout.trim() || stderr.trim() || 'no answer';
}

async function serve(host: Host, word: string): Promise<void> {
  const server = `require('node:net').createServer((c) => c.end('${word}\\n')).listen(8080, () => console.log(''))`;
  const child = host.spawn([process.execPath, '-e', server]);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
}

t.test('a cable joins the hosts that name it, and neither others nor the machine', async (t) => {
  const [one, two] = [`one-${process.pid}`, `two-${process.pid}`];
  const joined = (name: string, last: number, more: Partial<HostOptions> = {}): Promise<Host> =>
    Host.start({ cable: { name, address: `10.77.0.${last}` }, ...more });
  const hosts = await Promise.all([
    joined(one, 1, { hostname: 'first.example.com' }),
    joined(one, 2),
    joined(one, 3),
    joined(two, 1),
    joined(two, 4, { link: true }),
  ]);
  t.teardown(() => Promise.all(hosts.map((host) => host.stop())));
  const [first, second, third, other, linked] = hosts as [Host, Host, Host, Host, Host];
  await Promise.all([serve(first, 'first'), serve(other, 'other'), serve(third, 'third')]);

  t.equal(await heard(second, '10.77.0.1'), 'first');
  t.equal(await heard(first, '10.77.0.3'), 'third');
  t.equal(await heard(linked, '10.77.0.1'), 'other', 'the same address on another cable is another host');
  t.match(await heard(linked, '10.77.0.3'), /No route to host|no answer/, 'the cables are apart');

  t.match((await first.run(['cat', '/etc/hosts'])).stdout, /^10\.77\.0\.1 first\.example\.com first$/m);
  t.match((await first.run(['ip', '-br', 'addr', 'show', 'cable0'])).stdout, /UP\s+10\.77\.0\.1\/24/);
  t.equal(
    (await third.run(['ip', 'route'])).stdout.trim(),
    '10.77.0.0/24 dev cable0 proto kernel scope link src 10.77.0.3',
  );
  t.match(await heard(third, String(linked.info.machine)), /Network is unreachable/, 'no way to the machine');
  t.notOk(readdirSync('/sys/class/net').some((name) => name.startsWith('cable') || name === 'oocable'));

  await first.stop();
  t.equal(await heard(second, '10.77.0.3'), 'third', 'the cable outlives the host that made it');
});

t.test('a named disk is there again at the next start', async (t) => {
  const disk = `test-${process.pid}`;
  t.teardown(() => Host.forgetDisk(disk));
  const first = await Host.start({ disk });
  const wrote = await first.run([
    'sh',
    '-c',
    'mkdir -p /var/lib/openshift && echo kept > /var/lib/openshift/mark && sync',
  ]);
  t.equal(wrote.exitCode, 0, wrote.stderr);
  await first.stop();
  const second = await Host.start({ disk });
  t.teardown(() => second.stop());
  t.equal((await second.run(['cat', '/var/lib/openshift/mark'])).stdout, 'kept\n');
  t.equal((await second.run(['ls', '/tmp'])).stdout, '', '/tmp starts empty');
});

const overlays = /^\S+ \/ overlay /m.test(readFileSync('/proc/self/mounts', 'utf8'));
const noRoom = overlays && 'this machine is an overlay itself, and the kernel stacks two of them at most';
t.test('a host works in a host, and where there is only the v2 tree', { skip: noRoom }, async (t) => {
  const outer = await Host.start();
  t.teardown(() => outer.stop());
  const onlyV2 = 'umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup';
  const script =
    'mkdir -p /sys/fs/cgroup/openshift/g && cat /proc/self/cgroup && grep -c " /sys/fs/cgroup cgroup2 " /proc/self/mounts';
  const inner = `${onlyV2} && node test/hosts/runner.mjs -- sh -c '${script}'; ls -d /sys/fs/cgroup/oo-host-*`;
  const { stdout, stderr } = await outer.run(['sh', '-c', inner]);
  t.match(stdout, /^0::\/init$/m, stderr);
  t.match(stdout, /^1$/m, 'the v2 tree is mounted in the place where it was');
  t.notMatch(stdout, /oo-host-/, 'its group is gone afterwards');
});
