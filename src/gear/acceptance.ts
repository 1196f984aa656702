/**
 * Acceptance of the gears of a node as a whole: each account has its home, its confinement file and its limits, and
 * nothing that belongs to a gear is there without one. Invariants: accounts and processes are read once and compared,
 * never listed anew for each gear; a gear that an operation works on is left out, because it is in motion.
 */
import { findProcesses, type ProcessView } from '../host/processes.js';
import { Directory } from '../native/beneath.js';
import { errnoOf } from '../native/error.js';
import { gearAccounts, type ListedAccount } from '../node/account-list.js';
import type { Finding } from '../node/finding.js';
import type { Node } from '../node/node.js';
import { explainProcesses, processFindings } from './explain/processes.js';
import {
  accountFindings,
  confinementFindings,
  explainQuota,
  homeFindings,
  limitFindings,
  quotaFindings,
  statIn,
} from './explain/layers.js';
import { isGearUuid, loopbackAddress, publicPorts } from './identity.js';
import { tryGearLock } from './lock.js';
import { allClaims, openPorts } from './port-folder.js';
import { portProxyStatus } from './port-proxy.js';

/** `seen` is called for each gear, before it is looked at. */
export async function gearFindings(
  node: Node,
  accounts: readonly ListedAccount[],
  seen: (done: number) => void = () => {},
): Promise<readonly Finding[]> {
  const byUid = new Map<number, ProcessView[]>(accounts.map(({ uid }) => [uid, []]));
  for (const view of findProcesses((uid) => byUid.has(uid)))
    for (const uid of new Set(view.uids)) byUid.get(uid)?.push(view);
  const findings: Finding[] = [];
  for (const [index, { name: uuid, uid, gid }] of accounts.entries()) {
    seen(index);
    const gear = { uuid, uid, gid };
    const found = await tryGearLock(node, uuid, async () => {
      const own = explainProcesses(node, gear, byUid.get(uid));
      // What has ended since, or came since, says nothing.
      const now = own.some(({ wrong }) => wrong.length > 0) ? explainProcesses(node, gear) : own;
      return [
        ...accountFindings(node, gear),
        ...homeFindings(node, gear),
        ...confinementFindings(node, gear),
        ...limitFindings(node, uuid, now.length > 0),
        ...quotaFindings(node, gear, explainQuota(node, gear)),
        ...processFindings(uuid, now),
      ];
    });
    findings.push(...(found ?? []));
  }
  return findings;
}

function names(folder: string): readonly { readonly name: string; readonly type: string }[] {
  try {
    using directory = Directory.open(folder);
    return directory.list();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Homes, files and groups whose gear is gone, and processes of a gear's uid that no account has. */
export async function orphanFindings(
  node: Node,
  accounts: readonly ListedAccount[],
): Promise<readonly Finding[]> {
  const known = new Set(accounts.map(({ name }) => name));
  const findings: Finding[] = [];
  const orphan = async (layer: string, uuid: string, wrong: string, mend: string): Promise<void> => {
    if (known.has(uuid) || !isGearUuid(uuid)) return;
    // A gear may have come or gone while we looked.
    const now = (await tryGearLock(node, uuid, async () => gearAccounts(node.config.gearGecos)))?.some(
      ({ name }) => name === uuid,
    );
    if (now === false) findings.push({ layer, wrong, mend });
  };
  const { gearBase, confinement, routes } = node.paths;
  const folderOf = ({ name, type }: { readonly name: string; readonly type: string }): string[] =>
    type === 'directory' && name !== 'lost+found' ? [name] : [];
  for (const name of names(gearBase).flatMap(folderOf)) {
    const mend = `oo-app-destroy -a ${name} -c ${name}`;
    await orphan('home', name, `The home ${gearBase}/${name} has no account`, mend);
  }
  for (const folder of [confinement, routes]) {
    for (const { name } of names(folder)) {
      const file = `${folder}/${name}`;
      await orphan('files', name, `The file ${file} is of a gear that is not there`, `rm ${file}`);
    }
  }
  const { v2, v1 } = node.cgroups;
  const mounts = [
    ...new Set([v2, v1.memory, v1.pids, v1.cpu, v1.cpuacct].filter((mount) => mount !== undefined)),
  ];
  const groups = mounts.flatMap((mount) => {
    const root = `${mount}${node.config.cgroupRoot}`;
    return names(root).flatMap((entry) => folderOf(entry).map((name) => ({ name, path: `${root}/${name}` })));
  });
  for (const { name, path } of groups) {
    const mend = `find ${path} -depth -type d -exec rmdir {} +`;
    await orphan('limits', name, `The control group ${path} is of a gear that is not there`, mend);
  }
  return [...findings, ...strayFindings(node)];
}

function strayFindings(node: Node): readonly Finding[] {
  const { gearMinUid, gearMaxUid, gearGecos } = node.config;
  const views = findProcesses((uid) => uid >= gearMinUid && uid <= gearMaxUid);
  const uids = new Set(gearAccounts(gearGecos).map(({ uid }) => uid));
  return views
    .filter(({ uids: all }) => all.some((uid) => uid >= gearMinUid && uid <= gearMaxUid && !uids.has(uid)))
    .map(({ pid, command, uids: [uid = 0] }) => ({
      layer: 'process',
      wrong: `Process ${pid} (${command.slice(0, 60)}) has uid ${uid}, which no gear has`,
      mend: `kill -KILL ${pid}`,
    }));
}

/** Each claim of a public port belongs to a gear that may have it, and the kernel leads exactly the claimed ones. */
export async function portFindings(
  node: Node,
  accounts: readonly ListedAccount[],
): Promise<readonly Finding[]> {
  const start = 'oo-admin-ctl-iptables-port-proxy start';
  const findings: Finding[] = [];
  const uids = new Map(accounts.map(({ name, uid }) => [name, uid]));
  using folder = openPorts(node);
  if (folder === undefined) return []; // said by the folders
  const claims = await allClaims(node, folder);
  const readable = new Set(claims.map(({ port }) => String(port)));
  const { identity } = node.config;
  const say = (port: string, wrong: string): void => {
    const file = `${node.paths.ports}/${port}`;
    findings.push({ layer: 'public port', wrong: `${file} ${wrong}`, mend: `rm ${file} && ${start}` });
  };
  for (const { name } of folder.list()) {
    if (/^[1-9]\d{0,4}$/.test(name) && !readable.has(name) && statIn(node.paths.ports, name) !== undefined)
      say(name, 'cannot be read as a claim');
  }
  for (const { port, uuid, target } of claims) {
    const uid = uids.get(uuid);
    if (uid === undefined) {
      if (gearAccounts(node.config.gearGecos).some(({ name }) => name === uuid)) continue; // it has just come
      say(String(port), `claims the port for ${uuid}, which is no gear`);
    } else if (!publicPorts(uid, identity).some((own) => own === port)) {
      say(String(port), `claims a port that is none of gear ${uuid}`);
    } else {
      const address = target.split(':')[0];
      const own = Array.from({ length: 127 }, (_, host) => loopbackAddress(uid, host + 1, identity));
      if (!own.some((each) => each === address))
        say(String(port), `leads to ${target}, which is no address of gear ${uuid}`);
    }
  }
  return findings;
}

export async function portProxyFindings(node: Node): Promise<readonly Finding[]> {
  const { differences } = await portProxyStatus(node);
  return differences.map((wrong) => ({
    layer: 'port proxy',
    wrong,
    mend: 'oo-admin-ctl-iptables-port-proxy start',
  }));
}
