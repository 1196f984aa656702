/**
 * Acceptance of the machine under a node: folders, programs, the SSH server's settings, control groups, units. What is
 * in force is asked of the kernel or of the running program. Invariant: nothing is changed.
 */
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupExists, limitedBy } from '../../host/cgroup.js';
import { limitControllers } from '../../host/hierarchies.js';
import { installLine, missing, nodeNeeds, portProxyNeed } from '../../host/packages.js';
import { insertPamBlock } from '../../host/pam.js';
import { DROP_IN, SSHD, sshdPid } from '../../host/sshd.js';
import { systemdRuns } from '../../host/systemd.js';
import { run } from '../../native/launch.js';
import { ownershipFinding, type Finding } from '../finding.js';
import { nodeFolders } from '../folders.js';
import type { Node } from '../node.js';
import { haproxyArgv } from '../setup/haproxy-config.js';
import { PAM_FILE } from '../setup/setup.js';
import { nodeUnits } from '../setup/units.js';

const SETUP = 'oo-admin-node-setup';

export function folderFindings(node: Node): readonly Finding[] {
  return nodeFolders(node.paths).flatMap(([path, mode]) => {
    const info = lstatSync(path, { throwIfNoEntry: false });
    if (info?.isDirectory() !== true)
      return [{ layer: 'folders', wrong: `${path} is not there, or is no folder`, mend: SETUP }];
    return ownershipFinding(
      'folders',
      path,
      { uid: info.uid, gid: info.gid, mode: info.mode & 0o7777 },
      {
        uid: 0,
        gid: 0,
        mode,
      },
    );
  });
}

interface Spoken {
  readonly exitCode: number | undefined;
  readonly text: string;
}

/** What a program says, on either output; it is given ten seconds. */
async function ask(file: string, ...argv: string[]): Promise<Spoken> {
  const { exitCode, stdout } = await run({
    file,
    argv: [file, ...argv],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    cwd: '/',
    stderr: 'merge',
    deadline: 10_000,
  });
  return { exitCode, text: stdout.toString('utf8') };
}

/** The oldest of each that has what the node uses of it. */
const versions: readonly {
  readonly file: string;
  readonly option: string;
  readonly least: readonly [number, number];
  readonly package: string;
}[] = [
  { file: '/usr/bin/git', option: '--version', least: [2, 20], package: 'git' },
  { file: '/usr/sbin/haproxy', option: '-v', least: [2, 4], package: 'haproxy' },
  { file: SSHD, option: '-V', least: [8, 2], package: 'openssh-server' },
];

const upgradeLine = (name: string): string =>
  existsSync('/usr/bin/apt-get') ? `apt-get install --only-upgrade ${name}` : `dnf upgrade ${name}`;

export async function programFindings(node: Node): Promise<readonly Finding[]> {
  const layer = 'programs';
  const { config } = node;
  const findings: Finding[] = missing([...nodeNeeds, portProxyNeed(config.portProxy)]).map((need) => ({
    layer,
    wrong: `${need.what} is not on this machine`,
    mend: installLine([need]),
  }));
  for (const { file, option, least, package: name } of versions) {
    if (!existsSync(file)) continue;
    const { text } = await ask(file, option);
    const [, found = '', major = '', minor = ''] =
      /(?:version |OpenSSH_|HAProxy )((\d+)\.(\d+))/.exec(text) ?? [];
    const old = Number(major) < least[0] || (Number(major) === least[0] && Number(minor) < least[1]);
    if (found !== '' && old)
      findings.push({
        layer,
        wrong: `${file} is version ${found}, older than ${least.join('.')}`,
        mend: upgradeLine(name),
      });
  }
  for (const name of ['oo-login', 'pam_oo.so', 'native/oo_native.node']) {
    const file = join(config.libexecDir, name);
    const info = lstatSync(file, { throwIfNoEntry: false });
    if (info?.isFile() !== true) findings.push({ layer, wrong: `${file} is not there`, mend: SETUP });
    else if (info.uid !== 0 || (info.mode & 0o022) !== 0)
      findings.push({
        layer,
        wrong: `${file} can be changed by others than root`,
        mend: `chown 0:0 ${file} && chmod go-w ${file}`,
      });
  }
  return findings;
}

export async function sshFindings(node: Node): Promise<readonly Finding[]> {
  const layer = 'ssh';
  const findings: Finding[] = [];
  const say = (wrong: string, mend: string): void => void findings.push({ layer, wrong, mend });
  const pam = existsSync(PAM_FILE) ? readFileSync(PAM_FILE, 'utf8') : '';
  const shall = insertPamBlock(pam, {
    path: join(node.config.libexecDir, 'pam_oo.so'),
    confinementDir: node.paths.confinement,
    gecos: node.config.gearGecos,
  });
  if (pam !== shall) say(`${PAM_FILE} does not confine the sessions of gears (pam_oo)`, SETUP);
  if (!existsSync(SSHD)) return findings; // said by the programs
  const { exitCode, text } = await ask(SSHD, '-T');
  if (exitCode !== 0) {
    say(`sshd refuses its configuration (${text.trim().split('\n')[0] ?? ''})`, `${SSHD} -t`);
  } else {
    for (const [name, value] of [
      ['usepam', 'yes'],
      ['permituserenvironment', 'no'],
    ] as const) {
      const found = new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? 'not there';
      if (found !== value) say(`sshd has ${name} ${found}, not ${value}: ${DROP_IN} is not in force`, SETUP);
    }
  }
  if (sshdPid() === undefined)
    say(
      'sshd does not run',
      systemdRuns() ? 'systemctl start ssh || systemctl start sshd' : `${SETUP} --start`,
    );
  return findings;
}

export function cgroupFindings(node: Node): readonly Finding[] {
  const layer = 'control groups';
  const lacking = limitControllers.filter((name) => !limitedBy(node.cgroups).includes(name));
  const findings: Finding[] = lacking.map((name) => ({
    layer,
    wrong: `No hierarchy limits ${name}`,
    mend: systemdRuns()
      ? `echo +${name} > ${node.cgroups.v2 ?? '/sys/fs/cgroup'}/cgroup.subtree_control`
      : `mount -t cgroup -o ${name} ${name} /sys/fs/cgroup/${name}`,
  }));
  const { cgroupRoot } = node.config;
  if (!groupExists(node.cgroups, cgroupRoot))
    findings.push({
      layer,
      wrong: `The control group ${cgroupRoot} above those of the gears is not there`,
      mend: systemdRuns() ? 'systemctl restart oo-node-cgroup' : SETUP,
    });
  return findings;
}

const SEM = '/proc/sys/kernel/sem';
const FEWEST_SETS = 512;

/** httpd and databases of many gears take a set each. */
export function kernelFindings(): readonly Finding[] {
  const fields = readFileSync(SEM, 'utf8').trim().split(/\s+/);
  if (Number(fields[3]) > FEWEST_SETS) return [];
  const more = [...fields.slice(0, 3), '1024'].join(' ');
  return [
    {
      layer: 'kernel',
      wrong: `kernel.sem allows ${fields[3] ?? 'no'} sets of semaphores, and more than ${FEWEST_SETS} are needed`,
      mend: `sysctl -w kernel.sem="${more}"`,
    },
  ];
}

/** Only where systemd rules the machine; elsewhere the operator starts the parts. */
export async function unitFindings(node: Node): Promise<readonly Finding[]> {
  if (!systemdRuns()) return [];
  const findings: Finding[] = [];
  const units = nodeUnits(
    haproxyArgv(node.config.confDir, join(node.config.runDir, 'haproxy.pid')),
    node.config.confDir,
  );
  for (const { name, enabled } of units) {
    if (enabled && (await ask('/usr/bin/systemctl', 'is-enabled', name)).exitCode !== 0)
      findings.push({ layer: 'units', wrong: `${name} is not enabled`, mend: `systemctl enable ${name}` });
    if ((await ask('/usr/bin/systemctl', 'is-active', name)).exitCode !== 0)
      findings.push({ layer: 'units', wrong: `${name} is not active`, mend: `systemctl start ${name}` });
  }
  return findings;
}
