/**
 * A gear that goes away first gets no new requests; those that run end on their own, for at most as long as node.conf
 * says. Invariant: the gear's http ports are shut before the wait, and stay its own; a gear without any costs nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readEnvironment } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import { exposedPorts, type ExposedPort } from '../gear/port-folder.js';
import { closePorts } from '../gear/ports.js';
import { disconnectAll } from '../gear/routes.js';
import { listCartridges } from '../cartridge/installed.js';
import { publicEndpoints } from '../cartridge/public-endpoints.js';
import { anyConnection } from '../host/tcp-connections.js';
import type { Node } from '../node/node.js';

/** Between looks, in milliseconds; the last one again and again. The first is for packets that are on their way. */
const PAUSES = [5, 10, 20, 50, 100] as const;

/** Those of the gear's public ports whose connections are requests that come to an end. */
function httpPorts(node: Node, gear: Gear): readonly ExposedPort[] {
  const exposed = exposedPorts(node, gear);
  if (exposed.length === 0) return [];
  const environment = readEnvironment(gear);
  const http = listCartridges(gear)
    .flatMap(({ manifest }) => publicEndpoints(gear, manifest, environment))
    .filter((endpoint) => endpoint.http)
    .map(({ variable }) => variable);
  return exposed.filter(({ variable }) => http.includes(variable));
}

async function waitUntilQuiet(targets: readonly string[], timeout: number): Promise<boolean> {
  const end = performance.now() + timeout;
  for (let look = 0; ; look += 1) {
    const left = Math.max(0, end - performance.now());
    await sleep(Math.min(left, PAUSES[Math.min(look, PAUSES.length - 1)] ?? 100));
    if (!(await anyConnection(targets))) return true;
    if (left === 0) return false;
  }
}

export async function drain(node: Node, gear: Gear): Promise<void> {
  const ports = httpPorts(node, gear);
  if (ports.length === 0) return;
  await closePorts(node, gear, ports);
  await disconnectAll(node, gear);
  const targets = ports.map(({ target }) => target);
  const started = performance.now();
  const quiet = await waitUntilQuiet(targets, node.config.drainTimeout);
  const milliseconds = Math.round(performance.now() - started);
  if (quiet) node.log.debug('drained', { gear: gear.uuid, milliseconds });
  else node.log.warn('requests were still running and are cut off', { gear: gear.uuid, milliseconds });
}
