/**
 * The node that the seed speaks to, in the disposable host the test runs in: set up by the project's own command, with
 * real daemons; and a person with an SSH key. Nothing here is a stand-in.
 */
import { execFile, type ExecFileOptions } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openNode, type Node } from '../../src/node/node.js';
import { requireHost } from '../hosts/inside.js';

const execute = promisify(execFile);
const repository = fileURLToPath(new URL('../../../', import.meta.url));
/** A folder of the person who works with the node. */
export const desk = '/root/desk';
const sshOptions = [
  '-o',
  'StrictHostKeyChecking=no',
  '-o',
  'UserKnownHostsFile=/dev/null',
  '-o',
  'LogLevel=ERROR',
];

export async function run(
  file: string,
  argv: readonly string[],
  options: ExecFileOptions = {},
): Promise<string> {
  try {
    const { stdout, stderr } = await execute(file, [...argv], {
      encoding: 'utf8',
      timeout: 120_000,
      ...options,
    });
    return String(stdout) + String(stderr);
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${file} ${argv.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

export function command(name: string): string {
  return `${repository}dist/bin/${name}`;
}

/** `more` are further arguments of the set-up command. */
export async function seedNode(more: readonly string[] = []): Promise<Node> {
  requireHost();
  mkdirSync(desk, { recursive: true });
  const { versions } = await installedVersions();
  await run(command('oo-admin-node-setup'), [
    '--public-hostname=broker.test.example.com',
    '--cloud-domain=test.example.com',
    '--min-uid=507',
    `--alias=php-5.3=php-${versions.php}`,
    `--alias=mysql-5.1=mysql-${versions.mysql}`,
    `--alias=haproxy-1.4=haproxy-${versions.haproxy}`,
    ...more,
    '--start',
  ]);
  await run('/usr/bin/ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', `${desk}/key`]);
  return openNode();
}

/** The versions that this machine's distribution has brought. */
async function installedVersions(): Promise<{ versions: { php: string; mysql: string; haproxy: string } }> {
  const php = /^PHP (\d+\.\d+)/.exec(await run('/usr/bin/php', ['--version']))?.[1] ?? '';
  const mysql =
    /Ver (?:15\.\d+ Distrib )?(\d+\.\d+)/.exec(await run('/usr/sbin/mariadbd', ['--version']))?.[1] ?? '';
  const haproxy = / version (\d+\.\d+)/.exec(await run('/usr/sbin/haproxy', ['-v']))?.[1] ?? '';
  return { versions: { php, mysql, haproxy } };
}

export function actionsLog(): string {
  const file = '/var/log/openshift/node/actions.log';
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

export function publicKey(): readonly [type: string, key: string] {
  const [type = '', key = ''] = readFileSync(`${desk}/key.pub`, 'utf8').split(' ');
  return [type, key];
}

/** A command in the gear, over the real SSH server. */
export function ssh(uuid: string, line: string): Promise<string> {
  return run('/usr/bin/ssh', [...sshOptions, '-i', `${desk}/key`, `${uuid}@127.0.0.1`, line]);
}

export function git(cwd: string, ...argv: string[]): Promise<string> {
  const GIT_SSH_COMMAND = ['ssh', ...sshOptions, '-i', `${desk}/key`].join(' ');
  return run('/usr/bin/git', ['-c', 'user.name=Pat', '-c', 'user.email=pat@example.com', ...argv], {
    cwd,
    env: { ...process.env, GIT_SSH_COMMAND },
  });
}

export interface Page {
  readonly status: number;
  readonly body: string;
}

/** A page through the front door, asked for by its Host name. */
export function fetchPage(host: string, path = '/'): Promise<Page> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: 80, path, headers: { host } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}
