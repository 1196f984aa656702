/**
 * A head gear with HAProxy and PHP, two more gears with PHP, and somebody who pushes: for tests in a disposable host that
 * look at how code gets from the head gear to the others. What the broker would say is said to the node's commands.
 */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { requireHost } from '../hosts/inside.js';

requireHost();

const bin = fileURLToPath(new URL('../../bin/', import.meta.url));
export const address = process.env['OO_TEST_ADDRESS'] ?? '192.168.59.144';
const work = '/root/scaled-gears';
export const clone = `${work}/sphpapp`;

export interface Gear {
  readonly uuid: string;
  readonly name: string;
  readonly uid: number;
  readonly home: string;
}
const gear = (uuid: string, name: string, uid: number): Gear => ({
  uuid,
  name,
  uid,
  home: `/var/lib/openshift/${uuid}`,
});
export const head = gear('16f54529c1fa436981fce29b0499c0b6', 'sphpapp', 507);
export const first = gear('f81fb70064064a35a9a25169481d490b', 'f81fb70064', 508);
export const second = gear('acc082fd449e4a2eaca2868149f76a67', 'acc082fd44', 509);

export interface Ended {
  readonly code: number;
  readonly text: string;
}

export function sh(file: string, argv: readonly string[], cwd = '/root', seconds = 180): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd, env: { ...process.env, ...git }, timeout: seconds * 1000, maxBuffer: 1 << 26 };
    const child = execFile(file, argv, options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? 255, text: stdout + stderr }),
    );
  });
}

export async function must(file: string, argv: readonly string[], cwd?: string): Promise<string> {
  const { code, text } = await sh(file, argv, cwd);
  if (code !== 0) throw new Error(`${file} ${argv.join(' ')} ended with ${code}:\n${text}`);
  return text;
}

const git = {
  GIT_SSH_COMMAND: `ssh -i ${work}/key -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=${work}/known -o LogLevel=ERROR`,
  GIT_AUTHOR_NAME: 'P',
  GIT_AUTHOR_EMAIL: 'p@example.com',
  GIT_COMMITTER_NAME: 'P',
  GIT_COMMITTER_EMAIL: 'p@example.com',
};

export const command = (name: string, ...argv: string[]): Promise<string> => must(`${bin}${name}`, argv);

export async function addKey({ uuid }: Gear, text: string, comment: string): Promise<void> {
  const [type = '', key = ''] = text.split(' ');
  await command(
    'oo-authorized-ssh-key-add',
    '-c',
    uuid,
    '-a',
    head.uuid,
    '-s',
    key,
    '-t',
    type,
    '-m',
    comment,
  );
}

/** Up to the point where the broker knows all gears and has told HAProxy of none. */
export async function setUp(): Promise<void> {
  mkdirSync(work);
  await must('ip', ['address', 'replace', `${address}/32`, 'dev', 'lo']);
  const php = await must('php', ['-r', 'echo PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION;']);
  const haproxy = /version (\d+\.\d+)/.exec(await must('/usr/sbin/haproxy', ['-v']))?.[1] ?? '';
  await command(
    'oo-admin-node-setup',
    '--public-hostname=broker.test.example.com',
    `--public-ip=${address}`,
    '--cloud-domain=test.example.com',
    '--min-uid=507',
    `--alias=php-5.3=php-${php}`,
    `--alias=haproxy-1.4=haproxy-${haproxy}`,
    '--start',
  );
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', `${work}/key`]);
  for (const { uuid, name } of [head, first, second]) {
    await command(
      'oo-app-create',
      ...['-c', uuid, '-a', head.uuid, '--with-app-name', 'sphpapp', '--with-container-name', name],
      ...['--with-namespace', 'demo'],
    );
  }
  await addKey(head, readFileSync(`${work}/key.pub`, 'utf8'), 'default');
  await command('oo-cartridge', '-a', 'configure', '-c', head.uuid, '-n', 'php-5.3');
  const told = await command('oo-cartridge', '-a', 'configure', '-c', head.uuid, '-n', 'haproxy-1.4');
  const key = /^APP_SSH_KEY_ADD: haproxy (\S+)$/m.exec(told)?.[1] ?? '';
  for (const each of [first, second]) {
    await addKey(each, `ssh-rsa ${key}`, 'haproxy');
    await command('oo-cartridge', '-a', 'configure', '-c', each.uuid, '-n', 'php-5.3');
  }
}

/** The word of a subscriber: one entry for each gear, as a broker quotes it. */
export const entries = (gears: readonly Gear[], value: (gear: Gear) => string): string =>
  gears.map((each) => `'${each.uuid}'='${value(each)}\n'`).join(' ');

export function connector(hook: string, list: string): Promise<Ended> {
  return sh(`${bin}oo-connector-execute`, [
    ...['--gear-uuid', head.uuid, '--cart-name', 'haproxy-1.4', '--hook-name', hook],
    ...['--', 'sphpapp', 'demo', head.uuid, list],
  ]);
}

/** The first address of a gear, which serves its application. */
export const ownAddress = ({ uid }: Gear): string => {
  const number = uid * 128 + 1;
  return `127.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
};

export const setProxy = (gears: readonly Gear[]): Promise<Ended> =>
  connector(
    'set-proxy',
    entries(gears, (each) => `${each.name}-demo.test.example.com|${ownAddress(each)}:8080`),
  );

export const setGearEndpoints = (gears: readonly Gear[]): Promise<Ended> =>
  connector(
    'set-gear-endpoints',
    entries(gears, ({ uuid, name }) => `${uuid}@${address}:php-5.3;${name}-demo.test.example.com`),
  );

/** What an address answers: the status and the text. */
export function page(host: string, port = 8080, path = '/', name = host): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host, port, path, headers: { host: name }, agent: false, timeout: 20_000 },
      (response) => {
        let text = `${response.statusCode} `;
        response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(text));
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('no answer within 20 seconds')));
    asked.on('error', reject).end();
  });
}
export const pageOf = (each: Gear): Promise<string> => page(ownAddress(each));

export async function cloneApplication(): Promise<void> {
  await must('git', ['clone', '-q', `ssh://${head.uuid}@127.0.0.1/~/git/sphpapp.git`, clone]);
}

export function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(`${clone}/${path}`), { recursive: true });
  writeFileSync(`${clone}/${path}`, text);
  chmodSync(`${clone}/${path}`, mode);
}

export const inClone = (file: string, ...argv: string[]): Promise<string> => must(file, argv, clone);

export async function commit(message: string): Promise<void> {
  await inClone('git', 'add', '-A');
  await inClone('git', 'commit', '-q', '--allow-empty', '-m', message);
}

/** A push; its text is what the pusher reads of the other side. */
export async function push(message: string): Promise<Ended> {
  await commit(message);
  const { code, text } = await sh('git', ['push', 'origin', 'master'], clone);
  const said = text.split('\n').filter((line) => line.startsWith('remote: '));
  return { code, text: said.map((line) => `${line.slice(8).trimEnd()}\n`).join('') };
}

/** `gear distribute` by somebody in the head gear. */
export const distribute = (): Promise<Ended> =>
  sh('bash', ['-c', `${git.GIT_SSH_COMMAND} ${head.uuid}@127.0.0.1 gear distribute`]);

/** What the running HAProxy says of its servers, by the gear's name. */
export async function serverStates(): Promise<Record<string, string>> {
  const text = await must('bash', [
    '-c',
    `echo 'show stat' | socat - UNIX-CONNECT:${head.home}/haproxy-1.4/run/stats`,
  ]);
  const states: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const [proxy, server = '', ...rest] = line.split(',');
    const name = server.replace(/^gear-(.*)-demo$/, '$1').replace(/^local-gear$/, 'local');
    if (proxy === 'express' && name !== 'FRONTEND' && name !== 'BACKEND') states[name] = rest[15] ?? '';
  }
  return states;
}

/** A page that says which code made it, and in which gear. */
export const version = (number: number): string =>
  `<?php echo "version ${number} of ", getenv("OPENSHIFT_GEAR_UUID");`;

export async function serves(t: Test, number: number, ...gears: readonly Gear[]): Promise<void> {
  for (const each of gears) t.equal(await pageOf(each), `200 version ${number} of ${each.uuid}`);
}

/** What a synchronization lays beside the code and takes away again. */
export const leftovers = ({ home }: Gear): string[] =>
  readdirSync(`${home}/app-root/runtime`).filter((name) => name.startsWith('.repo'));

/** What a line of the shell prints as the gear, in its home. */
export async function asGear({ uuid, home }: Gear, line: string, mustEnd = true): Promise<string> {
  const text = `cd ${home} && for f in .env/*; do [ -f $f ] && export "\${f#.env/}=$(cat $f)"; done; export PATH=/usr/libexec/openshift/bin:/usr/bin:/bin; ${line}`;
  const { code, text: said } = await sh('setpriv', [
    ...['--reuid', uuid, '--regid', uuid, '--clear-groups', 'bash', '-c', text],
  ]);
  if (mustEnd && code !== 0) throw new Error(`${line} ended with ${code}: ${said}`);
  return said;
}

/** Processes of a gear whose command line matches. */
function processesOf({ uid }: Gear, pattern: RegExp): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const owner = /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
        return owner === String(uid) && pattern.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      } catch {
        return false; // it has ended meanwhile
      }
    })
    .map(Number);
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended with one that was killed before.
  }
}

/** Who is killed: in the head gear only the script that sends, or all that runs for the push; or all of the receiver. */
const victims = {
  script: [head, /sync-gears/],
  everything: [head, /sync-gears|\/gear\0|oo-ssh|^ssh\0|rsync|^timeout\0|git-?receive|control\0distribute/],
  receiver: [first, /./],
} as const;

/**
 * A push during whose distribution somebody is killed, as soon as the pusher reads a certain line. What the pusher read,
 * once all has come to rest.
 */
export async function killed(at: RegExp, whom: keyof typeof victims): Promise<string> {
  await commit('will be killed');
  const [gear, pattern] = victims[whom];
  const child = spawn('git', ['push', 'origin', 'master'], { cwd: clone, env: { ...process.env, ...git } });
  let did = false;
  let text = '';
  const hear = (chunk: Buffer): void => {
    text += chunk.toString();
    if (did || !text.split('\n').some((line) => at.test(line.replace(/^remote: /, '').trimEnd()))) return;
    did = true;
    processesOf(gear, pattern).forEach(end);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  await new Promise((resolve) => child.on('close', resolve));
  if (!did) throw new Error(`${at} was never said:\n${text}`);
  for (let tries = 0; tries < 600; tries += 1) {
    const { text: left } = await sh('pgrep', ['-f', 'code-receiver|ctl_all|deploy.sh|rsync --server']);
    if (left.trim() === '') return text.replace(/^remote: /gm, '');
    await sleep(100);
  }
  throw new Error('the other gear has not come to rest within a minute');
}
