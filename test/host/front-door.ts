/**
 * A real HAProxy with the front door's real configuration, as an ordinary process on a loopback port. It ends with the
 * test that started it, and lives in a directory of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HaproxyMap } from '../../src/host/haproxy.js';
import { frontDoorFiles, haproxyArgv, type FrontDoor } from '../../src/node/setup/haproxy-config.js';

export interface TestDoor {
  readonly door: FrontDoor;
  readonly port: number;
  readonly map: HaproxyMap;
  readonly warnings: string[];
  start(): Promise<void>;
  stop(): Promise<void>;
  remove(): Promise<void>;
}

export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export async function makeDoor(): Promise<TestDoor> {
  const directory = await mkdtemp(path.join(tmpdir(), 'front-door-'));
  const port = await freePort();
  const door: FrontDoor = {
    confDir: path.join(directory, 'etc'),
    mapFile: path.join(directory, 'gears.map'),
    socketPath: path.join(directory, 'haproxy.sock'),
    binds: [`127.0.0.1:${port}`],
  };
  await writeFile(door.mapFile, '');
  for (const file of frontDoorFiles(door)) {
    await mkdir(path.dirname(file.path), { recursive: true });
    await writeFile(file.path, file.content, { mode: file.mode });
  }
  const warnings: string[] = [];
  const map = new HaproxyMap(door.socketPath, door.mapFile, (message) => warnings.push(message));
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const [file, ...args] = haproxyArgv(door.confDir, path.join(directory, 'haproxy.pid'));
    let said = '';
    const started = spawn(file!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    started.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child = started;
    for (let round = 0; round < 200; round += 1) {
      if (started.exitCode !== null) throw new Error(`haproxy ended: ${said}`);
      if (
        await map.running('probe').then(
          () => true,
          () => false,
        )
      )
        return;
      await sleep(20);
    }
    throw new Error(`haproxy did not come up: ${said}`);
  };
  const stop = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    running.kill('SIGTERM');
    await once(running, 'exit');
  };
  const remove = async (): Promise<void> => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  };
  return { door, port, map, warnings, start, stop, remove };
}
