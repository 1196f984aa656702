/**
 * The layers of one gear that are there without any process: account, home, control group with its limits, the file
 * that SSH sessions are confined by, share of the disk. Invariant: looking changes nothing, and what the kernel cannot
 * be asked is not claimed.
 */
import { groupExists } from '../../host/cgroup.js';
import { limitsAndUse, unmetLimits, type LimitUse } from '../../host/cgroup-use.js';
import type { Quota } from '../../host/quota.js';
import { findAccount } from '../../native/accounts.js';
import { Directory, type EntryInfo } from '../../native/beneath.js';
import { errnoOf } from '../../native/error.js';
import { accountFilesName } from '../../node/account-list.js';
import { ownershipFinding, type Finding } from '../../node/finding.js';
import type { Node } from '../../node/node.js';
import { confinementText, gearConfinement, type Confined } from '../confinement.js';
import { homeOf } from '../home-path.js';
import { homeDirectories } from '../home-tree.js';
import { cgroupLimits, groupPath } from '../limits.js';
import { quotaOf } from '../quota.js';

/** What lstat says of it, or undefined when it is not there. */
export function statIn(folder: string, name: string): EntryInfo | undefined {
  try {
    using directory = Directory.open(folder);
    return directory.exists(name) ? directory.stat(name) : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function accountFindings(node: Node, { uuid }: Confined): readonly Finding[] {
  const account = findAccount(uuid);
  const findings: Finding[] = [];
  const shall = (option: string, what: string, found: string | undefined, wanted: string): void => {
    if (found === wanted) return;
    findings.push({
      layer: 'account',
      wrong: `The ${what} of account ${uuid} is ${found ?? 'none'}, and shall be ${wanted}`,
      mend: `usermod ${option} ${wanted} ${uuid}`,
    });
  };
  shall('--shell', 'login shell', account?.shell, node.config.gearShell);
  shall('--home', 'home', account?.home.replace(/\/$/, ''), homeOf(node, uuid));
  if (!accountFilesName(uuid, ['shadow'])) {
    findings.push({
      layer: 'account',
      wrong: `Account ${uuid} has no line in /etc/shadow`,
      mend: 'pwconv',
    });
  }
  return findings;
}

/** The home, and of what is in it the directories that are root's: those of the gear it may change as it likes. */
export function homeFindings(node: Node, { uuid, gid }: Confined): readonly Finding[] {
  const home = homeOf(node, uuid);
  const info = statIn(node.paths.gearBase, uuid);
  if (info?.type !== 'directory') {
    return [{ layer: 'home', wrong: `There is no home ${home}`, mend: `oo-admin-ctl-gears recover ${uuid}` }];
  }
  const findings = [...ownershipFinding('home', home, info, { uid: 0, gid, mode: 0o750 })];
  for (const { path, owner, mode } of homeDirectories) {
    if (owner === 'gear') continue;
    const found = statIn(home, path);
    const shall = { uid: 0, gid: owner === 'root' ? gid : 0, mode };
    if (found?.type === 'directory')
      findings.push(...ownershipFinding('home', `${home}/${path}`, found, shall));
    else {
      const owners = `-o 0 -g ${shall.gid} -m ${mode.toString(8)}`;
      findings.push({
        layer: 'home',
        wrong: `There is no directory ${home}/${path}`,
        mend: `install -d ${owners} ${home}/${path}`,
      });
    }
  }
  return findings;
}

export function explainLimits(node: Node, uuid: string): readonly LimitUse[] {
  return limitsAndUse(node.cgroups, groupPath(node, uuid));
}

/** A group that is not there is made before the gear's next process: that is no lack while nothing runs. */
export function limitFindings(node: Node, uuid: string, runs: boolean): readonly Finding[] {
  const path = groupPath(node, uuid);
  if (!groupExists(node.cgroups, path)) {
    if (!runs) return [];
    const mend = `oo-admin-ctl-gears stopgear ${uuid} && oo-admin-ctl-gears startgear ${uuid}`;
    return [{ layer: 'limits', wrong: `The gear runs without its control group ${path}`, mend }];
  }
  return unmetLimits(node.cgroups, path, cgroupLimits(node)).map(({ file, shall, found }) => ({
    layer: 'limits',
    wrong: `${file} is ${found ?? 'not there'}, and shall be ${shall}`,
    mend: `echo ${shall} > ${file}`,
  }));
}

/** Without it pam_oo lets nobody in; with an old one sessions are confined as the node once was. */
export function confinementFindings(node: Node, gear: Confined): readonly Finding[] {
  const folder = node.paths.confinement;
  const file = `${folder}/${gear.uuid}`;
  const mend = `oo-admin-ctl-gears startgear ${gear.uuid}`;
  const info = statIn(folder, gear.uuid);
  if (info === undefined)
    return [{ layer: 'confinement', wrong: `The file ${file} is missing: SSH is shut`, mend }];
  using directory = Directory.open(folder);
  const text = confinementText(node, gear, gearConfinement(node, gear));
  const stale =
    directory.tryReadText(gear.uuid) === text
      ? []
      : [{ layer: 'confinement', wrong: `The file ${file} is not what the node's configuration says`, mend }];
  return [...stale, ...ownershipFinding('confinement', file, info, { uid: 0, gid: gear.gid, mode: 0o640 })];
}

/** undefined: this disk does not count. */
export function explainQuota(node: Node, gear: Confined): Quota | undefined {
  return quotaOf(node, gear.uid);
}

export function quotaFindings(node: Node, gear: Confined, quota: Quota | undefined): readonly Finding[] {
  if (quota === undefined || (quota.blocks.hard > 0 && quota.inodes.hard > 0)) return [];
  const { blocks, files } = node.limits.quota;
  const request = { '--uuid': gear.uuid, '--blocks': String(blocks), '--inodes': String(files) };
  return [
    {
      layer: 'quota',
      wrong: `Gear ${gear.uuid} has no limit on the disk`,
      mend: `echo '${JSON.stringify(request)}' | oo-rpc set-quota`,
    },
  ];
}
