/**
 * Where things of the node live, all derived from its configuration. Invariant: nobody else joins these
 * names, so that moving a folder is one line here.
 */
import { join } from 'node:path';
import type { NodeConfig } from './config.js';

export interface NodePaths {
  readonly confDir: string;
  /** One file for each variable every gear gets. */
  readonly globalEnvironment: string;
  /** Parent of the homes. */
  readonly gearBase: string;
  /** Running operations, one file each; root only. */
  readonly journal: string;
  /** What pam_oo and oo-login apply, one file for each gear. */
  readonly confinement: string;
  readonly cartridgeRepository: string;
  readonly routes: string;
  readonly routesMap: string;
  /** Which public port leads where, one file for each port: what is wanted, whatever the kernel has now. */
  readonly ports: string;
  readonly lastAccess: string;
  readonly runDir: string;
  /** The one lock file; a gear's lock is a byte of it. */
  readonly gearLocks: string;
  /** Held by whoever changes the cartridge repository. */
  readonly repositoryLock: string;
  readonly haproxySocket: string;
  /** Held by whoever changes public ports. */
  readonly portsLock: string;
}

export function nodePaths(config: NodeConfig): NodePaths {
  const base = config.gearBaseDir;
  return {
    confDir: config.confDir,
    globalEnvironment: join(config.confDir, 'env'),
    gearBase: base,
    journal: join(base, '.journal'),
    confinement: join(base, '.confinement'),
    cartridgeRepository: join(base, '.cartridge_repository'),
    routes: join(base, '.routes'),
    routesMap: join(base, '.routes', 'gears.map'),
    ports: join(base, '.ports'),
    lastAccess: config.lastAccessDir,
    runDir: config.runDir,
    gearLocks: join(config.runDir, 'gears.lock'),
    repositoryLock: join(config.runDir, 'repository.lock'),
    haproxySocket: join(config.runDir, 'haproxy.sock'),
    portsLock: join(config.runDir, 'ports.lock'),
  };
}
