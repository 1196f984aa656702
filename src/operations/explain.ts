/**
 * One gear as it is now: every layer that holds, each process, limits beside use, ports, names and keys, read back from
 * the kernel and the disk. Invariants: nothing is changed and no lock is held, so it also answers while an operation on
 * the gear hangs; what cannot be read back is said to be so, never claimed.
 */
import { isDeployable, listCartridges, type Cartridge } from '../cartridge/installed.js';
import { publicEndpoints } from '../cartridge/public-endpoints.js';
import type { LimitUse } from '../host/cgroup-use.js';
import type { Quota } from '../host/quota.js';
import { usesLandlock } from '../gear/confinement.js';
import { readEnvironment } from '../gear/environment.js';
import {
  explainKeys,
  explainPorts,
  explainRoutes,
  type ExplainedKey,
  type ExplainedPort,
  type ExplainedRoute,
  type NamedPort,
} from '../gear/explain/doors.js';
import {
  accountFindings,
  confinementFindings,
  explainLimits,
  explainQuota,
  homeFindings,
  limitFindings,
  quotaFindings,
  statIn,
} from '../gear/explain/layers.js';
import {
  explainProcesses,
  groupDirectories,
  processFindings,
  type ExplainedProcess,
} from '../gear/explain/processes.js';
import { openGear } from '../gear/gear.js';
import { loopbackAddress } from '../gear/identity.js';
import { layersInForce } from '../gear/layers.js';
import { groupPath } from '../gear/limits.js';
import { readState, readStopLock } from '../gear/state.js';
import { landlockAbi } from '../native/landlock.js';
import { modeText, type Finding } from '../node/finding.js';
import type { Node } from '../node/node.js';
import { nodeJournal } from './journal.js';
import { missingLayers } from './missing-layers.js';

export interface GearReport {
  readonly uuid: string;
  readonly uid: number;
  readonly gid: number;
  readonly application: string;
  readonly dns: string;
  readonly state: string;
  /** Why its user has stopped it, which may be empty; null when nobody has. */
  readonly stopped: string | null;
  readonly cartridges: readonly {
    readonly directory: string;
    readonly name: string;
    readonly version: string;
  }[];
  readonly home: { readonly path: string; readonly owner: string; readonly mode: string };
  readonly group: { readonly path: string; readonly directories: readonly string[] };
  readonly limits: readonly LimitUse[];
  /** Of this machine, where the kernel can be asked; of seccomp each process says so itself. */
  readonly layers: Readonly<Record<'selinux' | 'landlock' | 'quota' | 'cgroup', boolean>>;
  /** Landlock has no file in /proc. */
  readonly landlock: string;
  readonly quota: Quota | null;
  readonly processes: readonly ExplainedProcess[];
  readonly addresses: { readonly first: string; readonly last: string };
  readonly endpoints: readonly {
    readonly cartridge: string;
    readonly variable: string;
    readonly address: string;
  }[];
  readonly ports: readonly ExplainedPort[];
  readonly routes: readonly ExplainedRoute[];
  readonly keys: readonly ExplainedKey[];
  readonly missing: readonly Finding[];
}

function landlockText(node: Node): string {
  if (!usesLandlock(node)) return 'not asked for';
  return landlockAbi() > 0 ? 'not readable back, asked for at launch' : 'this kernel has none';
}

function endpointsOf(cartridges: readonly Cartridge[], environment: Readonly<Record<string, string>>) {
  return cartridges.flatMap(({ directory, manifest }) =>
    manifest.endpoints.flatMap(({ ipVariable, portVariable, port }) => {
      const ip = environment[ipVariable];
      const at = environment[portVariable] ?? String(port);
      return ip === undefined ? [] : [{ cartridge: directory, variable: ipVariable, address: `${ip}:${at}` }];
    }),
  );
}

export async function explainGear(node: Node, input: { readonly uuid: string }): Promise<GearReport> {
  const gear = openGear(node, input.uuid);
  const { uuid, uid, gid } = gear;
  const environment = readEnvironment(gear);
  const cartridges = listCartridges(gear);
  const named: NamedPort[] = cartridges.flatMap(({ name, version, manifest }) => {
    const complete = manifest.endpoints.every(({ ipVariable }) => environment[ipVariable] !== undefined);
    const endpoints = complete ? publicEndpoints(gear, manifest, environment) : [];
    return endpoints.map(({ variable, target }) => ({
      variable,
      target,
      cartridge: `${name}-${version}`,
      port: Number(environment[variable]),
    }));
  });
  const processes = explainProcesses(node, gear);
  const { selinux, landlock, quota: counted, cgroup } = layersInForce(node);
  const quota = explainQuota(node, gear);
  const [ports, routes] = [await explainPorts(node, gear, named), await explainRoutes(node, gear)];
  const keys = explainKeys(gear);
  const state = readState(gear);
  const home = statIn(node.paths.gearBase, uuid);
  const idle: Finding[] =
    state === 'started' && processes.length === 0 && cartridges.some(({ manifest }) => isDeployable(manifest))
      ? [
          {
            layer: 'state',
            wrong: 'The state is "started", but no process of the gear runs',
            mend: `oo-admin-ctl-gears startgear ${uuid}`,
          },
        ]
      : [];
  const unfinished = nodeJournal(node)
    .pending(uuid)
    .map(({ operation }) => ({
      layer: 'journal',
      wrong: `The operation "${operation}" has not ended`,
      mend: `oo-admin-ctl-gears recover ${uuid}`,
    }));
  return {
    uuid,
    uid,
    gid,
    application: gear.appName,
    dns: gear.dns,
    state,
    stopped: readStopLock(gear) ?? null,
    cartridges: cartridges.map(({ directory, name, version }) => ({ directory, name, version })),
    home: {
      path: gear.home,
      owner: home === undefined ? '' : `${home.uid}:${home.gid}`,
      mode: home === undefined ? '' : modeText(home.mode),
    },
    group: { path: groupPath(node, uuid), directories: groupDirectories(node, uuid) },
    limits: explainLimits(node, uuid),
    layers: { selinux, landlock, quota: counted, cgroup },
    landlock: landlockText(node),
    quota: quota ?? null,
    processes,
    addresses: {
      first: loopbackAddress(uid, 1, node.config.identity),
      last: loopbackAddress(uid, 127, node.config.identity),
    },
    endpoints: endpointsOf(cartridges, environment),
    ports: ports.found,
    routes: routes.found,
    keys: keys.found,
    missing: [
      ...missingLayers(node),
      ...unfinished,
      ...accountFindings(node, gear),
      ...homeFindings(node, gear),
      ...limitFindings(node, uuid, processes.length > 0),
      ...confinementFindings(node, gear),
      ...quotaFindings(node, gear, quota),
      ...processFindings(uuid, processes),
      ...idle,
      ...ports.findings,
      ...routes.findings,
      ...keys.findings,
    ],
  };
}
