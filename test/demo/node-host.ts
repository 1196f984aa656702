// Makes a disposable host into a node, by the project's own set-up command and the real daemons: what a person would type.
import { fileURLToPath } from 'node:url';
import type { Host, RunResult } from '../hosts/host.js';

export const repository = fileURLToPath(new URL('../../../', import.meta.url));
export const command = (name: string): string => `${repository}dist/bin/${name}`;

/** Runs a command in the host; anything but 0 is an error that shows what it printed. */
export async function must(host: Host, argv: readonly string[], input = ''): Promise<RunResult> {
  const result = await host.run(argv, { input });
  if (result.exitCode !== 0) {
    const end = result.exitCode ?? result.signal;
    throw new Error(`${argv.join(' ')} ended with ${end}:\n${result.stdout}${result.stderr}`);
  }
  return result;
}

/** The version of a program as `major.minor`, as the cartridges name themselves. */
async function versionOf(host: Host, program: string, option = '--version'): Promise<string> {
  const { stdout } = await must(host, [program, option]);
  const version = /\b(\d+\.\d+)\.\d+/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${program} ${option} says: ${stdout}`);
  return version;
}

/** The names that the seed asks for, and what this distribution has in their place. */
export async function aliases(host: Host): Promise<readonly string[]> {
  return [
    `php-5.3=php-${await versionOf(host, 'php')}`,
    `mysql-5.1=mysql-${await versionOf(host, 'mariadbd')}`,
    `haproxy-1.4=haproxy-${await versionOf(host, 'haproxy', '-v')}`,
  ];
}

/** Folders, configuration, cartridges, PAM, SSH and front door; sshd and HAProxy run afterwards. */
export async function setUp(host: Host, more: readonly string[] = []): Promise<string> {
  const names = { '--public-hostname': host.info.hostname, '--cloud-domain': 'test.example.com' };
  const address = host.cableAddress ?? host.address ?? '127.0.0.1';
  const numbers = { '--min-uid': '507', '--public-ip': address };
  const given = Object.entries({ ...names, ...numbers }).flat();
  const aliased = (await aliases(host)).flatMap((alias) => ['--alias', alias]);
  const { stdout } = await must(host, [
    command('oo-admin-node-setup'),
    ...given,
    ...aliased,
    ...more,
    '--start',
  ]);
  return stdout;
}
