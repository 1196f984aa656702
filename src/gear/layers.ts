/**
 * Which layers of a gear's confinement this kernel holds, asked of the kernel each time. node.conf can demand
 * layers (`REQUIRE_LAYERS`): then no gear is made without them. Invariant: a layer is never claimed that is
 * absent.
 */
import { limitControllers } from '../host/hierarchies.js';
import { limitedBy } from '../host/cgroup.js';
import { selinuxMode } from '../host/selinux.js';
import { landlockAbi } from '../native/landlock.js';
import { OoError } from '../native/error.js';
import type { Layer } from '../node/config.js';
import type { Node } from '../node/node.js';
import { usesLandlock } from './confinement.js';
import { quotaAvailable } from './quota.js';

export function layersInForce(node: Node): Readonly<Record<Layer, boolean>> {
  return {
    selinux: selinuxMode() === 'enforcing',
    landlock: usesLandlock(node) && landlockAbi() > 0,
    seccomp: node.config.confineSeccomp,
    quota: quotaAvailable(node),
    cgroup: limitControllers.every((name) => limitedBy(node.cgroups).includes(name)),
  };
}

/** Refuses where node.conf demands a layer that is not in force. */
export function requireLayers(node: Node): void {
  if (node.config.requireLayers.length === 0) return;
  const inForce = layersInForce(node);
  const missing = node.config.requireLayers.filter((layer) => !inForce[layer]);
  if (missing.length === 0) return;
  throw new OoError(
    `node.conf demands ${missing.join(' and ')}, which this machine does not have in force. Nothing was done.`,
    { code: 'ERR_LAYER_ABSENT', exitCode: 129 },
  );
}
