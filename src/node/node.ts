/**
 * This node: its configuration, limits, paths, cgroup hierarchies, log and front door, opened once by a
 * command or by the agent and handed to every operation. Invariant: opening changes nothing on the host.
 */
import { discover, type Hierarchies } from '../host/cgroup.js';
import { HaproxyMap } from '../host/haproxy.js';
import { openPortForwarding } from '../host/port-backends.js';
import type { PortForwarding } from '../host/port-forwarding.js';
import { confDirectory, loadConfig, type NodeConfig } from './config.js';
import { openPlatformLog, silentLog, type PlatformLog } from './log.js';
import { nodePaths, type NodePaths } from './paths.js';
import { loadResourceLimits, type ResourceLimits } from './resource-limits.js';

export interface Node {
  readonly config: NodeConfig;
  readonly limits: ResourceLimits;
  readonly paths: NodePaths;
  readonly cgroups: Hierarchies;
  readonly log: PlatformLog;
  readonly routes: HaproxyMap;
  /** What the kernel does with public ports; changed under `paths.portsLock` only. */
  readonly forwarding: PortForwarding;
}

export async function openNode(options: { readonly confDir?: string } = {}): Promise<Node> {
  const confDir = options.confDir ?? confDirectory();
  const config = loadConfig(confDir);
  const paths = nodePaths(config);
  const log =
    process.getuid?.() === 0
      ? openPlatformLog({
          file: config.platformLogFile,
          level: config.platformLogLevel,
          format: config.platformLogFormat,
        })
      : silentLog;
  return {
    config,
    limits: loadResourceLimits(confDir),
    paths,
    cgroups: discover(),
    log,
    routes: new HaproxyMap(paths.haproxySocket, paths.routesMap, (message) => log.warn(message)),
    forwarding: openPortForwarding(config.portProxy, config.runDir),
  };
}
