/**
 * The services of a node, started and stopped by the set-up command: by systemd where it rules the machine, directly
 * where it does not. Invariant: a service that is not ours (the machine's own sshd) is told to read its configuration
 * again, never stopped.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { discover, groupExists, removeGroup } from '../host/cgroup.js';
import { startPortProxy } from '../gear/port-proxy.js';
import { HaproxyMap } from '../host/haproxy.js';
import { openPortForwarding, otherForwardings } from '../host/port-backends.js';
import { reloadSshd, sshdPid, startSshd, testSshd, type Run } from '../host/sshd.js';
import { disableUnits, enableUnits, reloadUnits, systemdRuns } from '../host/systemd.js';
import { errnoOf, OoError } from '../native/error.js';
import { gearAccounts } from '../node/account-list.js';
import { confDirectory, loadConfig, parseConfig, type NodeConfig } from '../node/config.js';
import { nodeFolders } from '../node/folders.js';
import { openNode } from '../node/node.js';
import { nodePaths } from '../node/paths.js';
import { parseSettings } from '../node/settings.js';
import { haproxyArgv } from '../node/setup/haproxy-config.js';
import { SetupRecord } from '../node/setup/record.js';
import { removeSetup } from '../node/setup/remove.js';
import type { SetupResult } from '../node/setup/setup.js';
import { nodeUnits } from '../node/setup/units.js';

const run: Run = async (file, argv) => {
  try {
    return await execa(file, argv, { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe', timeout: 60_000 });
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    const why = stderr?.trim().split('\n')[0] ?? (cause as Error).message;
    throw new OoError(`${file} ${argv.join(' ')} failed: ${why}`, { code: 'ERR_PROGRAM', cause });
  }
};

/** Starts or reloads what the changes call for; gives lines that say what is left to do. */
export async function startNode(
  { config, paths, units, binds, changed }: SetupResult,
  options: { readonly start: boolean; readonly changed: readonly string[] },
): Promise<readonly string[]> {
  const advice: string[] = [];
  const ssh = changed.some((path) => path.startsWith('/etc/ssh/') || path.startsWith('/etc/pam.d/'));
  if (ssh && sshdPid() !== undefined) {
    await testSshd(run);
    reloadSshd();
  }
  if (options.start && frontDoorPid(join(config.runDir, 'haproxy.pid')) === undefined)
    await requireFree(binds);
  if (systemdRuns()) {
    const names = units.filter(({ enabled }) => enabled).map(({ name }) => name);
    await enableUnits(run, names, options.start);
    if (!options.start) advice.push(`Start it with: systemctl start ${names.join(' ')}`);
    return advice;
  }
  if (options.start) {
    await startSshd(run);
    await startPortProxy(await openNode());
    await startFrontDoor(config.confDir, join(config.runDir, 'haproxy.pid'));
    // What was written while it read the file.
    await new HaproxyMap(paths.haproxySocket, paths.routesMap).reconcile();
    return advice;
  }
  if (frontDoorPid(join(config.runDir, 'haproxy.pid')) === undefined || sshdPid() === undefined) {
    advice.push(
      'systemd does not run this machine. Start the SSH server, the public ports and the front door with: ' +
        'oo-admin-node-setup --start',
    );
  }
  return advice;
}

/** Says which address is taken, instead of leaving it to the front door's own log. */
async function requireFree(binds: readonly string[]): Promise<void> {
  for (const bind of binds) {
    const [, host = '', port = ''] = /^(.*?):?(\d+)$/.exec(bind.split(/\s/)[0] ?? '') ?? [];
    const taken = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.on('error', (error) => resolve(errnoOf(error) === 'EADDRINUSE'));
      server.listen({ port: Number(port), ...(host === '' || host === '*' ? {} : { host }) }, () => {
        server.close(() => resolve(false));
      });
    });
    if (!taken) continue;
    throw new OoError(
      `The front door cannot have ${bind}: another program (apache2, nginx?) listens there. Everything else is set up; ` +
        'stop that program, or name another address with --http-bind.',
      { code: 'ERR_ADDRESS_TAKEN' },
    );
  }
}

async function startFrontDoor(confDir: string, pidFile: string): Promise<void> {
  const pid = frontDoorPid(pidFile);
  if (pid !== undefined) {
    await run('/usr/sbin/haproxy', ['-c', '-q', '-f', join(confDir, 'haproxy.cfg')]);
    process.kill(pid, 'SIGUSR2');
    return;
  }
  const [, ...argv] = haproxyArgv(confDir, pidFile);
  await run(
    '/usr/sbin/haproxy',
    argv.map((word) => (word === '-db' ? '-D' : word)),
  );
}

/** The master that wrote the pid file, if it still lives. */
function frontDoorPid(pidFile: string): number | undefined {
  if (!existsSync(pidFile)) return undefined;
  const pid = Number(readFileSync(pidFile, 'utf8').trim().split('\n')[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'haproxy' ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Undoes the set-up; gives the paths of what was kept for the operator. */
export async function removeNode(onStep: (text: string) => void): Promise<readonly string[]> {
  const record = SetupRecord.open('/var/lib/openshift');
  if (record.entries.length === 0 && !existsSync(record.folder)) {
    throw new OoError('This machine was not made a node by oo-admin-node-setup. Nothing was changed.', {
      code: 'ERR_NO_NODE',
    });
  }
  const confDir = confDirectory();
  // A removal that was killed near its end has taken the configuration away already.
  const file = join(confDir, 'node.conf');
  const config = existsSync(file) ? loadConfig(confDir) : parseConfig(confDir, parseSettings(file, ''));
  const paths = nodePaths(config);
  const gears = gearAccounts(config.gearGecos);
  if (gears.length > 0) {
    throw new OoError(`This node has ${gears.length} gears. Nothing was changed; destroy them first.`, {
      code: 'ERR_GEARS_LEFT',
    });
  }
  onStep('services');
  const pidFile = join(config.runDir, 'haproxy.pid');
  const units = nodeUnits(haproxyArgv(confDir, pidFile), confDir);
  await disableUnits(
    run,
    units.map(({ name }) => name),
  );
  const frontDoor = frontDoorPid(pidFile);
  if (frontDoor !== undefined) await stopped(frontDoor);
  onStep('public ports');
  await removePorts(config);
  onStep('files');
  const hierarchies = discover();
  if (groupExists(hierarchies, config.cgroupRoot)) await removeGroup(hierarchies, config.cgroupRoot);
  const kept = removeSetup(record, {
    disposable: nodeFolders(paths).map(([path]) => path),
  });
  await reloadUnits(run);
  if (sshdPid() !== undefined) reloadSshd();
  return kept;
}

/** Without gears there is no public port; what is left is the chains, of every backend that the machine has. */
async function removePorts({ portProxy, runDir }: NodeConfig): Promise<void> {
  for (const forwarding of [...otherForwardings(portProxy, runDir), openPortForwarding(portProxy, runDir)]) {
    try {
      await forwarding.remove();
    } catch (error) {
      // A backend that the machine or its kernel does not have (any more) has nothing there.
      if (errnoOf(error) !== 'ERR_PROGRAM_MISSING' && forwarding.kind === portProxy) throw error;
    }
  }
}

async function stopped(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  for (let tries = 0; tries < 100 && existsSync(`/proc/${pid}`); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
