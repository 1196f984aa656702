/**
 * A gear made by hand inside a disposable host (account, home, groups, confinement file, key), and an sshd with the PAM
 * block and the drop-in: the two doors alone, without the operations that make a real gear.
 */
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { insertPamBlock } from '../../src/host/pam.js';
import { DROP_IN, sshdDropIn, startSshd } from '../../src/host/sshd.js';
import { requireHost } from '../hosts/inside.js';

requireHost();
const repository = fileURLToPath(new URL('../../../', import.meta.url));
const libexec = '/usr/libexec/openshift';
const base = '/var/lib/openshift';
export const port = 2222;
const key = '/root/login-test-key';

export interface Answer {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export async function run(
  file: string,
  argv: readonly string[],
  input?: string | Uint8Array,
  env: Record<string, string> = {},
): Promise<Answer> {
  const done = await execa(file, argv, {
    reject: false,
    timeout: 60_000,
    env,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  });
  return { exitCode: done.exitCode, stdout: done.stdout, stderr: done.stderr };
}

/** Options of ssh, scp and sftp that name the test's key and trust the test's server. */
export const sshOptions = [
  ['-i', key],
  ['-o', 'StrictHostKeyChecking=no'],
  ['-o', 'UserKnownHostsFile=/dev/null'],
  ['-o', 'LogLevel=ERROR'],
  ['-o', 'BatchMode=yes'],
].flat();

export class FakeGear {
  constructor(
    readonly uuid: string,
    readonly uid: number,
  ) {}

  get home(): string {
    return `${base}/${this.uuid}`;
  }
  get at(): string {
    return `${this.uuid}@127.0.0.1`;
  }
  get confinementFile(): string {
    return `${base}/.confinement/${this.uuid}`;
  }

  ssh(command: string, options: readonly string[] = [], input?: string | Uint8Array): Promise<Answer> {
    return run('ssh', [...sshOptions, '-p', String(port), ...options, this.at, command], input);
  }

  async make(): Promise<void> {
    await execa('groupadd', ['-g', String(this.uid), this.uuid]);
    const account = ['-u', this.uid, '-g', this.uid, '-M', '-d', this.home, '-c', 'OpenShift guest'].map(
      String,
    );
    await execa('useradd', [...account, '-K', 'UID_MIN=1', '-s', `${libexec}/oo-login`, this.uuid]);
    this.directory('', 0o750, 0);
    this.directory('.tmp', 0o700, 0, 0);
    for (const name of ['tmp', 'var-tmp', 'shm']) this.directory(`.tmp/${name}`, 0o1700);
    for (const name of ['.ssh', '.env', '.env/user_vars', 'git', 'app-root']) this.directory(name, 0o750, 0);
    for (const name of ['app-root/data', 'app-root/logs']) this.directory(name, 0o750);
    this.file('.env/OPENSHIFT_GEAR_DNS', 'phpapp-demo.example.com');
    this.file('.env/user_vars/MINE', 'my own value');
    this.file('.env/user_vars/LD_PRELOAD', '/nowhere.so');
    const line = `command="${libexec}/oo-login",restrict,pty ${readFileSync(`${key}.pub`, 'utf8').trim()}\n`;
    this.file('.ssh/authorized_keys', line, 0o440);
    this.groups();
    this.confine();
  }

  private directory(path: string, mode: number, uid = this.uid, gid = this.uid): void {
    mkdirSync(`${this.home}/${path}`, { recursive: true });
    chownSync(`${this.home}/${path}`, uid, gid);
    chmodSync(`${this.home}/${path}`, mode);
  }

  file(path: string, content: string, mode = 0o644, uid = 0): void {
    writeFileSync(`${this.home}/${path}`, content);
    chownSync(`${this.home}/${path}`, uid, this.uid);
    chmodSync(`${this.home}/${path}`, mode);
  }

  /** The gear's directories in each hierarchy, with one limit that a test can see. */
  groups(): void {
    for (const mount of hierarchies()) mkdirSync(`${mount}/openshift/${this.uuid}`, { recursive: true });
  }

  confine(lines: readonly string[] = []): void {
    const { home } = this;
    const text = [
      `uuid=${this.uuid}`,
      `uid=${this.uid}`,
      `gid=${this.uid}`,
      `home=${home}`,
      `cgroup=/openshift/${this.uuid}/gear`,
      'label=',
      'umask=027',
      'oom_score_adj=500',
      'rlimit.nproc=60:60',
      'rlimit.core=0:0',
      'rlimit.nofile=256:512',
      `mount=${home}/.tmp/tmp /tmp`,
      `mount=${home}/.tmp/var-tmp /var/tmp`,
      `mount=${home}/.tmp/shm /dev/shm`,
      'no_new_privs=1',
      'seccomp=1',
      'landlock=1',
      ...['/bin', '/sbin', '/usr', '/lib', '/lib64', '/etc', '/proc', '/sys', '/run'].map(
        (path) => `landlock.ro=${path}`,
      ),
      ...[home, `${home}/.tmp/tmp`, `${home}/.tmp/var-tmp`, `${home}/.tmp/shm`].map(
        (path) => `landlock.rw=${path}`,
      ),
      ...['null', 'zero', 'urandom', 'tty', 'ptmx', 'pts'].map((name) => `landlock.rw=/dev/${name}`),
      ...lines,
    ];
    writeFileSync(this.confinementFile, `${text.join('\n')}\n`);
    chownSync(this.confinementFile, 0, this.uid);
    chmodSync(this.confinementFile, 0o640);
  }
}

/** Mount points of the version 2 tree and of each version 1 controller that limits. */
export function hierarchies(): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' - '))
    .filter(([, device = '']) => /^cgroup2 |^cgroup .*[ ,](cpu|memory|pids)\b/.test(device))
    .map(([mount = '']) => mount.split(' ')[4] ?? '');
}

/** Where the version 2 tree is mounted. */
export function unifiedTree(): string {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((text) => text.includes(' - cgroup2 '));
  return line?.split(' ')[4] ?? '';
}

export function pidsOf(gear: FakeGear): readonly number[] {
  const file = `${unifiedTree()}/openshift/${gear.uuid}/gear/cgroup.procs`;
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

/** The process of that name in the gear's session group; waits until it is there. */
export async function processOf(gear: FakeGear, name: string): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      const found = pidsOf(gear).find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name);
      if (found !== undefined) return found;
    } catch {
      // The group is not made yet, or a process ended while it was read.
    }
    await sleep(50);
  }
  throw new Error(`no ${name} in the gear's group`);
}

/** Installs the two doors and starts sshd with them. */
export async function openDoors(): Promise<void> {
  mkdirSync(libexec, { recursive: true });
  for (const name of ['oo-login', 'pam_oo.so'])
    copyFileSync(`${repository}dist/native/${name}`, `${libexec}/${name}`);
  mkdirSync(`${base}/.confinement`, { recursive: true });
  for (const path of [base, `${base}/.confinement`]) chmodSync(path, 0o711);
  await execa('cp', ['-r', `${repository}cartridges`, `${libexec}/`]);
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const module = {
    path: `${libexec}/pam_oo.so`,
    confinementDir: `${base}/.confinement`,
    gecos: 'OpenShift guest',
  };
  writeFileSync('/etc/pam.d/sshd', insertPamBlock(readFileSync('/etc/pam.d/sshd', 'utf8'), module));
  writeFileSync(DROP_IN, sshdDropIn());
  const command = (file: string, argv: readonly string[]): Promise<unknown> => execa(file, argv);
  await startSshd(command, ['-p', String(port), '-o', 'ListenAddress=127.0.0.1', '-E', '/run/sshd.log']);
}
