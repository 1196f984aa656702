// Makes a disposable host into a node, by the project's own commands and the real daemons: what a person would type.
import type { Host, RunResult } from '../hosts/host.js';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../../', import.meta.url));
const command = (name: string): string => `${repository}dist/bin/${name}`;

/** Runs a command in the host; anything but 0 is an error that shows what it printed. */
export async function must(host: Host, argv: readonly string[], input = ''): Promise<RunResult> {
  const result = await host.run(argv, { input });
  if (result.exitCode !== 0) {
    const end = result.exitCode ?? result.signal;
    throw new Error(`${argv.join(' ')} ended with ${end}:\n${result.stdout}${result.stderr}`);
  }
  return result;
}

/** Folders, configuration, PAM, SSH and HAProxy wiring. */
export function setUp(host: Host): Promise<RunResult> {
  return must(host, [command('oo-admin-node-setup')]);
}

/** The cartridges of the repository, under the names that the seed asks for. */
export async function installCartridges(host: Host): Promise<void> {
  for (const [name, alias] of [
    ['php', 'php-5.3'],
    ['mysql', 'mysql-5.1'],
  ] as const) {
    await must(host, [
      command('oo-admin-cartridge'),
      '-a',
      'install',
      '-s',
      `${repository}cartridges/${name}`,
    ]);
    const { stdout } = await must(host, [command('oo-admin-cartridge'), '--list', '--json']);
    const installed = (JSON.parse(stdout) as { name: string; version: string }[]).find(
      (one) => one.name === name,
    );
    await must(host, [command('oo-admin-cartridge'), '--alias', `${alias}=${name}-${installed?.version}`]);
  }
}

/** SSH and the front door, where no systemd starts them. */
export async function startDaemons(host: Host): Promise<void> {
  await must(host, ['ssh-keygen', '-A']);
  await must(host, ['/usr/sbin/sshd', '-t']);
  await must(host, ['/usr/sbin/sshd']);
  await must(host, ['sh', '-c', 'haproxy -D -f /etc/openshift/haproxy.cfg -p /run/openshift/haproxy.pid']);
}
