/**
 * Makes this machine a node, in one order: folders, configuration, programs, the front door's files, SSH, units, the
 * gears' control group. Invariants: run twice it is the same as run once; an operator's configuration is never
 * overwritten, only the settings given by name are changed; everything goes through the record, so it can be undone.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createGroup, discover, groupExists } from '../../host/cgroup.js';
import { LOCAL_PORTS, localPortsReach, rangeBelow } from '../../host/local-ports.js';
import { insertPamBlock } from '../../host/pam.js';
import { DROP_IN, insertInclude, sshdDropIn } from '../../host/sshd.js';
import { systemdInstalled, systemdRuns, TMPFILES_FOLDER, UNIT_FOLDER } from '../../host/systemd.js';
import { confDirectory, loadConfig, parseConfig, type NodeConfig } from '../config.js';
import { nodeFolders } from '../folders.js';
import { nodePaths, type NodePaths } from '../paths.js';
import { parseSettings } from '../settings.js';
import {
  globalVariables,
  logRotation,
  nodeConf,
  resourceLimitsConf,
  withSettings,
  type NodeSettings,
} from './defaults.js';
import { frontDoorFiles, haproxyArgv, type FrontDoor } from './haproxy-config.js';
import { findPackage, installPrograms } from './programs.js';
import { SetupRecord } from './record.js';
import { nodeUnits, SYSTEMD_CGROUP_ROOT, tmpfiles, type Unit } from './units.js';

export interface SetupOptions {
  /** Settings given by name; they change a node.conf that is there. */
  readonly settings: Partial<NodeSettings>;
  /** What the front door listens on. */
  readonly binds: readonly string[];
  readonly onStep: (text: string) => void;
}

export interface SetupResult {
  readonly config: NodeConfig;
  readonly paths: NodePaths;
  readonly cartridges: readonly string[];
  readonly units: readonly Unit[];
  readonly binds: readonly string[];
  readonly changed: readonly string[];
}

export const PAM_FILE = '/etc/pam.d/sshd';
const SSHD_CONFIG = '/etc/ssh/sshd_config';
const SYSCTL_FILE = '/etc/sysctl.d/99-oo-node.conf';
const SYSCTL_COMMENT =
  '# Made by oo-admin-node-setup; its --remove takes it away.\n# No outgoing connection takes a public port of a gear.\n';

export async function setUpNode(options: SetupOptions): Promise<SetupResult> {
  const { onStep } = options;
  const source = findPackage('/usr/libexec/openshift');
  const record = SetupRecord.open('/var/lib/openshift');
  const confDir = confDirectory();

  onStep('configuration');
  configure(record, confDir, options.settings);
  const config = loadConfig(confDir);
  const paths = nodePaths(config);

  onStep('folders');
  folders(record, paths);

  onStep('programs and cartridges');
  installPrograms(record, source, config.libexecDir);

  onStep('front door');
  const door = frontDoor(config, paths, options.binds);
  record.directory(join(confDir, 'haproxy'), 0o755);
  for (const { path, content, mode } of frontDoorFiles(door)) record.file(path, content, mode);
  record.file(paths.routesMap, '', 0o640, true);

  onStep('SSH');
  record.edit(PAM_FILE, (text) =>
    insertPamBlock(text, {
      path: join(config.libexecDir, 'pam_oo.so'),
      confinementDir: paths.confinement,
      gecos: config.gearGecos,
    }),
  );
  if (existsSync(SSHD_CONFIG)) {
    record.directory('/etc/ssh/sshd_config.d', 0o755);
    record.file(DROP_IN, sshdDropIn(), 0o644);
    record.edit(SSHD_CONFIG, insertInclude);
  }

  onStep('public ports');
  localPorts(record, config.identity.portBegin);

  onStep('services');
  const units = nodeUnits(haproxyArgv(confDir, join(config.runDir, 'haproxy.pid')), confDir);
  if (systemdInstalled())
    for (const { name, text } of units) record.file(join(UNIT_FOLDER, name), text, 0o644);
  if (existsSync(TMPFILES_FOLDER)) record.file(join(TMPFILES_FOLDER, 'oo-node.conf'), tmpfiles, 0o644);
  if (existsSync('/etc/logrotate.d')) record.file('/etc/logrotate.d/oo-node', logRotation, 0o644);

  onStep('control group');
  const hierarchies = discover();
  if (!systemdRuns() && !groupExists(hierarchies, config.cgroupRoot))
    await createGroup(hierarchies, config.cgroupRoot, {});

  record.save();
  const cartridges = ['php', 'mysql', 'haproxy']
    .map((name) => join(config.libexecDir, 'cartridges', name))
    .filter(existsSync);
  return { config, paths, cartridges, units, binds: options.binds, changed: record.changed };
}

function configure(record: SetupRecord, confDir: string, given: Partial<NodeSettings>): void {
  const settings: NodeSettings = {
    publicHostname: 'localhost',
    publicIp: '127.0.0.1',
    brokerHost: 'localhost',
    cloudDomain: 'example.com',
    minUid: 1000,
    maxUid: 6999,
    cgroupRoot: systemdRuns() ? SYSTEMD_CGROUP_ROOT : '/openshift',
    ...given,
  };
  const file = join(confDir, 'node.conf');
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  const text = before === undefined ? nodeConf(settings) : withSettings(before, given);
  // Before it is written: a wrong option must not leave a file that no command can read.
  const named = text === before ? file : `${file} with the options given`;
  parseConfig(confDir, parseSettings(named, text));
  record.directory('/var/lib/openshift', 0o711);
  record.directory(confDir, 0o755);
  if (text !== before) record.file(file, text, 0o644);
  record.file(join(confDir, 'resource_limits.conf'), resourceLimitsConf, 0o644, true);
  record.directory(join(confDir, 'env'), 0o755);
  record.directory(join(confDir, 'skel'), 0o755);
  for (const [name, value] of globalVariables(settings)) {
    record.file(
      join(confDir, 'env', name),
      `${value}\n`,
      0o644,
      !(name === 'OPENSHIFT_CLOUD_DOMAIN' && given.cloudDomain),
    );
  }
}

function folders(record: SetupRecord, paths: NodePaths): void {
  for (const [path, mode] of nodeFolders(paths)) record.directory(path, mode);
}

/** Outgoing connections keep below the public ports: now, and after each boot. */
function localPorts(record: SetupRecord, firstPublic: number): void {
  if (!localPortsReach(firstPublic) && !existsSync(SYSCTL_FILE)) return;
  if (existsSync(dirname(SYSCTL_FILE))) {
    const range = rangeBelow(firstPublic).trim().replace('\t', ' ');
    record.file(SYSCTL_FILE, `${SYSCTL_COMMENT}net.ipv4.ip_local_port_range = ${range}\n`, 0o644);
  }
  if (localPortsReach(firstPublic)) record.setting(LOCAL_PORTS, rangeBelow(firstPublic));
}

/** The front door's worker gives up root where the distribution made an account for it. */
function frontDoor(config: NodeConfig, paths: NodePaths, binds: readonly string[]): FrontDoor {
  const hasAccount = /^haproxy:/m.test(readFileSync('/etc/passwd', 'utf8'));
  return {
    confDir: config.confDir,
    mapFile: paths.routesMap,
    socketPath: paths.haproxySocket,
    binds,
    ...(hasAccount ? { account: { user: 'haproxy', group: 'haproxy' } } : {}),
  };
}
