/**
 * Every process of a gear held against the gear's confinement, by what the kernel says of it. Invariant: a process is
 * a gear's by its uid or by the group that it sits in, whichever of the two it has; so one that has slipped out of its
 * group is found, and one that has slipped in.
 */
import { placement, processes } from '../../host/cgroup.js';
import {
  findProcesses,
  isSshServer,
  ownMountNamespace,
  viewProcess,
  type ProcessView,
} from '../../host/processes.js';
import type { Confinement } from '../../native/launch.js';
import type { Finding } from '../../node/finding.js';
import type { Node } from '../../node/node.js';
import { gearConfinement, type Confined } from '../confinement.js';
import { groupPath } from '../limits.js';

export interface ExplainedProcess extends ProcessView {
  /** The SSH server's own part of a session: it opens the door, and confines what comes after it. */
  readonly sshServer: boolean;
  readonly ownMounts: boolean;
  /** Each thing that is not as the gear's confinement says, as a sentence. */
  readonly wrong: readonly string[];
}

const NOTHING = /^0+$/;

function wrongWith(
  node: Node,
  gear: Confined,
  confinement: Confinement,
  view: ProcessView,
  ownMounts: boolean,
): readonly string[] {
  const wrong: string[] = [];
  const say = (holds: boolean, sentence: string): void => {
    if (!holds) wrong.push(sentence);
  };
  const { uid, gid } = gear;
  say(
    view.uids.every((each) => each === uid),
    `its uids are ${view.uids.join(' ')}, not ${uid}`,
  );
  say(
    view.gids.every((each) => each === gid),
    `its gids are ${view.gids.join(' ')}, not ${gid}`,
  );
  say(
    view.groups.every((each) => each === gid),
    `it is in the groups ${view.groups.join(' ')}`,
  );
  const held = Object.entries(view.capabilities).filter(([, set]) => !NOTHING.test(set));
  say(held.length === 0, `it has capabilities (${held.map(([name, set]) => `${name} ${set}`).join(', ')})`);
  say(view.noNewPrivileges, 'it may gain privileges (NoNewPrivs is 0)');
  if (confinement.seccomp) say(view.seccomp === 'filter', 'no seccomp filter holds it');
  if (confinement.label !== undefined)
    say(view.label === confinement.label, `its label is ${view.label ?? 'none'}, not ${confinement.label}`);
  say(ownMounts, 'it sees the mounts of the machine');
  const score = confinement.oomScoreAdj ?? 0;
  say(view.oomScoreAdj >= score, `its oom_score_adj is ${view.oomScoreAdj}, below ${score}`);
  return [...wrong, ...outOfGroup(node, gear, view)];
}

/** Limits count only where the process sits in the gear's group. */
function outOfGroup(node: Node, gear: Confined, view: ProcessView): readonly string[] {
  const group = groupPath(node, gear.uuid);
  const inside = (path: string | undefined): boolean =>
    path === group || path?.startsWith(`${group}/`) === true;
  const { v2, v1 } = node.cgroups;
  const trees = [
    ...(v2 === undefined ? [] : ['v2']),
    ...(['cpu', 'memory', 'pids'] as const).filter((name) => v1[name]),
  ];
  const outside = trees.filter((name) => !inside(view.cgroups[name]));
  if (outside.length === 0) return [];
  const places = outside.map((name) => `${name} ${view.cgroups[name] ?? 'nowhere'}`).join(', ');
  return [`it is outside of its control group (${places})`];
}

/** The gear's processes, in the order of their ids. `ofUid`: those of its uid, where somebody has looked already. */
export function explainProcesses(
  node: Node,
  gear: Confined,
  ofUid: readonly ProcessView[] = findProcesses((uid) => uid === gear.uid),
): readonly ExplainedProcess[] {
  const confinement = gearConfinement(node, gear);
  const machine = ownMountNamespace();
  const known = new Set(ofUid.map(({ pid }) => pid));
  const others = processes(node.cgroups, groupPath(node, gear.uuid)).filter((pid) => !known.has(pid));
  return [...ofUid, ...others.flatMap((pid) => viewProcess(pid) ?? [])]
    .sort((a, b) => a.pid - b.pid)
    .map((view) => {
      const ownMounts = view.mountNamespace !== machine;
      const sshServer = isSshServer(view);
      const wrong = sshServer ? [] : wrongWith(node, gear, confinement, view, ownMounts);
      return { ...view, ownMounts, sshServer, wrong };
    });
}

export function processFindings(uuid: string, found: readonly ExplainedProcess[]): readonly Finding[] {
  return found.flatMap(({ pid, command, wrong }) =>
    wrong.map((sentence) => ({
      layer: 'process',
      wrong: `Process ${pid} (${command.slice(0, 60)}): ${sentence}`,
      mend: `oo-admin-ctl-gears stopgear ${uuid} && oo-admin-ctl-gears startgear ${uuid}`,
    })),
  );
}

/** Directories of the gear's group, one for each tree of the kernel. */
export function groupDirectories(node: Node, uuid: string): readonly string[] {
  const { v2, v1 } = placement(node.cgroups, groupPath(node, uuid));
  return [...(v2 === undefined ? [] : [v2]), ...v1];
}
