/** The layers that node.conf demands and this machine does not have in force, each with what brings it. */
import { selinuxMode } from '../host/selinux.js';
import { layersInForce } from '../gear/layers.js';
import { landlockAbi } from '../native/landlock.js';
import type { Layer } from '../node/config.js';
import type { Finding } from '../node/finding.js';
import type { Node } from '../node/node.js';

/** Where the kernel has no such layer no command brings it: the demand has to go, or another kernel to come. */
function mendOf(node: Node, layer: Layer): string {
  const file = `${node.paths.confDir}/node.conf`;
  const switchOn = (key: string): string => `sed -i 's/^${key}=.*/${key}=true/' ${file}`;
  const undemand = `sed -i '/^REQUIRE_LAYERS=/s/${layer}//' ${file}`;
  const commands: Readonly<Record<Layer, string>> = {
    selinux: selinuxMode() === 'permissive' ? 'setenforce 1' : undemand,
    landlock: landlockAbi() > 0 && !node.config.confineLandlock ? switchOn('CONFINE_LANDLOCK') : undemand,
    seccomp: switchOn('CONFINE_SECCOMP'),
    quota: `mount -o remount,usrquota $(stat -c %m ${node.paths.gearBase})`,
    cgroup: 'oo-admin-node-setup --start',
  };
  return commands[layer];
}

export function missingLayers(node: Node): readonly Finding[] {
  const inForce = layersInForce(node);
  return node.config.requireLayers
    .filter((layer) => !inForce[layer])
    .map((layer) => ({
      layer,
      wrong: `node.conf demands ${layer}, which this machine does not have in force`,
      mend: mendOf(node, layer),
    }));
}
