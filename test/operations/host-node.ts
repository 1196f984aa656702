/**
 * A node inside a disposable host, set up by hand with the least an operation needs: folders and two
 * configuration files. Tests of one operation use it, so that they do not depend on the set-up command.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGroup } from '../../src/host/cgroup.js';
import { openNode, type Node } from '../../src/node/node.js';
import '../../src/operations/all.js';
import { requireHost } from '../hosts/inside.js';

export interface HostNodeOptions {
  /** Lines of node.conf after the usual ones. */
  readonly config?: readonly string[];
  readonly limits?: readonly string[];
  readonly firstUid?: number;
  readonly lastUid?: number;
}

export const gearBase = '/var/lib/openshift';

export async function hostNode(options: HostNodeOptions = {}): Promise<Node> {
  requireHost();
  const confDir = '/etc/openshift';
  for (const [path, mode] of [
    [confDir, 0o755],
    [join(confDir, 'env'), 0o755],
    [gearBase, 0o711],
    [join(gearBase, '.journal'), 0o700],
    [join(gearBase, '.confinement'), 0o711],
    [join(gearBase, '.routes'), 0o755],
    [join(gearBase, '.ports'), 0o700],
    [join(gearBase, '.last_access'), 0o755],
    ['/run/openshift', 0o755],
    ['/var/log/openshift/node', 0o750],
  ] as const) {
    mkdirSync(path, { recursive: true, mode });
  }
  writeFileSync(join(confDir, 'env', 'PATH'), '/bin:/usr/bin:/usr/sbin');
  writeFileSync(
    join(confDir, 'node.conf'),
    [
      `GEAR_MIN_UID=${options.firstUid ?? 507}`,
      `GEAR_MAX_UID=${options.lastUid ?? 6999}`,
      'CLOUD_DOMAIN="example.com"',
      ...(options.config ?? []),
      '',
    ].join('\n'),
  );
  writeFileSync(join(confDir, 'resource_limits.conf'), [...(options.limits ?? []), ''].join('\n'));
  const node = await openNode();
  await createGroup(node.cgroups, node.config.cgroupRoot, {});
  return node;
}
