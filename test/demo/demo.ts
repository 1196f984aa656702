// `npm run demo`: the seed's simple application in a disposable host that the machine can reach. Shows each step, prints
// the lines by which a person looks at it, and waits for Ctrl-C. `--once` runs those lines as they stand, pushes a
// changed page, destroys the application as the seed does, prints the times, and holds only if all of it held.
// Invariant: whatever it makes on the machine lies in the host's own state directory and goes with the host.
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { execFileSync } from 'node:child_process';
import { Host } from '../hosts/host.js';
import { must, repository, setUp } from './node-host.js';
import type { Replayed } from './replay.js';
import { Steps } from './steps.js';
import { look } from './visit.js';
import type { Lines } from './visit.js';

const appName = 'phpapp';
const domain = 'demo';

/** A key of the visitor's own, readable for whoever called sudo, gone with the host. */
function makeKey(host: Host): { directory: string; type: string; key: string } {
  const directory = `${host.info.state}/demo`;
  mkdirSync(directory, { mode: 0o700 });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'demo', '-f', `${directory}/key`]);
  const owner = [Number(process.env['SUDO_UID'] ?? 0), Number(process.env['SUDO_GID'] ?? 0)] as const;
  for (const name of ['', '/key', '/key.pub']) chownSync(directory + name, ...owner);
  const [type = '', key = ''] = readFileSync(`${directory}/key.pub`, 'utf8').split(' ');
  return { directory, type, key };
}

/** Runs the replay inside; each request is a step of its own, timed where it was sent. */
async function replay(host: Host, steps: Steps, ...order: string[]): Promise<readonly Replayed[]> {
  const seen: Replayed[] = [];
  let rest = '';
  const result = await host.run([process.execPath, `${repository}dist/test/demo/replay.js`, ...order], {
    timeout: 600_000,
    onOutput: (stream, text) => {
      if (stream === 'stderr') return;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const one = JSON.parse(line) as Replayed;
        seen.push(one);
        steps.record(`the seed's request: ${one.title}`, one.milliseconds, one.exitCode === 0);
        steps.detail(one.output);
      }
    },
  });
  if (result.exitCode !== 0) {
    const request = seen.find(({ exitCode }) => exitCode !== 0);
    const what = request
      ? `${request.title} answered ${request.exitCode}`
      : `it ended with ${result.exitCode}`;
    throw new Error(`The seed's requests did not hold: ${what}.\n${result.stderr}`);
  }
  return seen;
}

/** The lines that a person types on the machine, complete. */
async function linesFor(host: Host, directory: string): Promise<Lines> {
  const { stdout: keys } = await must(host, ['sh', '-c', 'cat /etc/ssh/ssh_host_*_key.pub']);
  const address = String(host.address);
  const known = keys
    .split('\n')
    .filter(Boolean)
    .map((line) => `${address} ${line.split(' ').slice(0, 2).join(' ')}\n`);
  writeFileSync(`${directory}/known_hosts`, known.join(''), { mode: 0o644 });
  const { stdout: account } = await must(host, ['sh', '-c', "getent passwd | grep ':OpenShift guest:'"]);
  const uuid = account.split(':')[0] ?? '';
  const { stdout: dns } = await must(host, [
    'sh',
    '-c',
    `cat "$(getent passwd ${uuid} | cut -d: -f6)/.env/OPENSHIFT_APP_DNS"`,
  ]);
  const name = dns.trim();
  const ssh = `ssh -i ${directory}/key -o IdentitiesOnly=yes -o UserKnownHostsFile=${directory}/known_hosts`;
  return {
    curl: `curl --fail --silent --show-error --resolve ${name}:80:${address} http://${name}/`,
    clone: `GIT_SSH_COMMAND='${ssh}' git clone ssh://${uuid}@${address}:22/~/git/${appName}.git`,
    ssh: `${ssh} -p 22 ${uuid}@${address}`,
    uuid,
    name,
  };
}

async function untilInterrupted(): Promise<void> {
  const alive = setInterval(() => undefined, 60_000);
  await Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
  clearInterval(alive);
}

async function destroy(host: Host, steps: Steps, uuid: string): Promise<void> {
  await replay(host, steps, 'destroy');
  await steps.run('nothing of the gear is left in the host', async () => {
    const look = `getent passwd ${uuid}; ls -d /var/lib/openshift/${uuid}; find /sys/fs/cgroup -name '${uuid}'; true`;
    const { stdout } = await must(host, ['sh', '-c', `{ ${look}; } 2>/dev/null`]);
    if (stdout !== '') throw new Error(`left: ${stdout}`);
  });
}

/** The demo; resolves with the exit status. */
export async function demo(argv: readonly string[]): Promise<number> {
  const once = argv.includes('--once');
  const wrong = argv.find((word) => word !== '--once' && word !== '--');
  if (wrong !== undefined) {
    process.stderr.write(`usage: npm run demo [-- --once]   (not ${wrong})\n`);
    return 2;
  }
  const steps = new Steps();
  let host: Host | undefined;
  let interrupted = false;
  const stop = (): void => {
    interrupted = true;
    void host?.stop();
  };
  process.once('SIGINT', stop);
  try {
    const node = (host = await steps.run('a disposable host', () =>
      Host.start({ hostname: 'broker.test.example.com', link: true }),
    ));
    await steps.run(
      'oo-admin-node-setup, sshd and HAProxy started',
      () => setUp(node),
      (said) => said,
    );
    const { directory, type, key } = makeKey(node);
    await replay(node, steps, 'create', type, key);
    const lines = await linesFor(node, directory);
    process.stdout.write(
      `\nThe application ${appName} of ${domain} is there. From another terminal of this machine:\n\n`,
    );
    process.stdout.write(`  ${lines.curl}\n\n  ${lines.clone}\n\n  ${lines.ssh}\n\n`);
    process.stdout.write('README.md goes on from here: "A scaled application, by hand".\n\n');
    if (once) {
      await look(steps, lines, directory);
      await destroy(node, steps, lines.uuid);
    } else {
      process.stdout.write('Ctrl-C stops it and leaves nothing.\n');
      process.off('SIGINT', stop);
      await untilInterrupted();
    }
  } catch (error) {
    if (!interrupted) process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    const ended = host;
    if (ended !== undefined) await steps.run('the host is gone', () => ended.stop());
  }
  if (once) process.stdout.write(`\nTimes:\n${steps.table()}\n`);
  const held = steps.done.every((step) => step.held);
  if (once) process.stdout.write(held ? '\nAll of it held.\n' : '\nNot all of it held.\n');
  return held ? 0 : 1;
}
