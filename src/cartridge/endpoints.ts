/**
 * Private endpoints: which of the gear's 127 loopback addresses each `Private-IP-Name` of a cartridge gets. An address
 * fits when none of the endpoint's ports is taken on it, by another endpoint of the gear or by anybody who listens, so
 * that a web server and a database of one gear share its first address. Invariant: two names of one cartridge never
 * share an address; an address the gear already has under that name stays.
 */
import { createServer } from 'node:net';
import { OoError } from '../native/error.js';
import { readEnvironment, type Variables } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import { loopbackAddress } from '../gear/identity.js';
import type { Node } from '../node/node.js';
import { listCartridges } from './installed.js';
import type { Endpoint } from './manifest-endpoint.js';
import type { Manifest } from './manifest.js';

const LAST_HOST = 127;

/** Would a listener find this address and port taken? Asked by listening for a moment. */
function somebodyListens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(true);
      else reject(error);
    });
    server.listen({ host, port, exclusive: true, backlog: 1 }, () => server.close(() => resolve(false)));
  });
}

/** `ip:port` of every endpoint the gear's cartridges have. */
function takenPairs(gear: Gear, environment: Variables): Set<string> {
  const taken = new Set<string>();
  for (const { manifest } of listCartridges(gear)) {
    for (const endpoint of manifest.endpoints) {
      const ip = environment[endpoint.ipVariable];
      const port = environment[endpoint.portVariable] ?? String(endpoint.port);
      if (ip !== undefined) taken.add(`${ip}:${port}`);
    }
  }
  return taken;
}

function groups(endpoints: readonly Endpoint[]): Map<string, Endpoint[]> {
  const byAddress = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const group = byAddress.get(endpoint.ipVariable);
    if (group === undefined) byAddress.set(endpoint.ipVariable, [endpoint]);
    else group.push(endpoint);
  }
  return byAddress;
}

async function freeAddress(
  node: Node,
  gear: Gear,
  endpoints: readonly Endpoint[],
  taken: ReadonlySet<string>,
  mine: ReadonlySet<string>,
): Promise<string | undefined> {
  for (let host = 1; host <= LAST_HOST; host += 1) {
    const address = loopbackAddress(gear.uid, host, node.config.identity);
    if (mine.has(address) || endpoints.some(({ port }) => taken.has(`${address}:${port}`))) continue;
    const busy = await Promise.all(endpoints.map(({ port }) => somebodyListens(address, port)));
    if (!busy.includes(true)) return address;
  }
  return undefined;
}

/** The variables of a cartridge's endpoints, chosen but not yet written. */
export async function allocateEndpoints(node: Node, gear: Gear, manifest: Manifest): Promise<Variables> {
  const environment = readEnvironment(gear);
  const taken = takenPairs(gear, environment);
  const mine = new Set<string>();
  const variables: Variables = {};
  for (const [ipVariable, endpoints] of groups(manifest.endpoints)) {
    const address = environment[ipVariable] ?? (await freeAddress(node, gear, endpoints, taken, mine));
    if (address === undefined) {
      throw new OoError(
        `No IP was available to create endpoint for cart ${manifest.name} in gear ${gear.uuid}: ${ipVariable}(${endpoints[0]?.port ?? ''}). Nothing was done.`,
        { code: 'ERR_NO_ADDRESS', exitCode: 1, gear: gear.uuid },
      );
    }
    mine.add(address);
    variables[ipVariable] = address;
    for (const endpoint of endpoints) {
      variables[endpoint.portVariable] = environment[endpoint.portVariable] ?? String(endpoint.port);
      if (endpoint.websocketPortVariable !== undefined)
        variables[endpoint.websocketPortVariable] = String(endpoint.websocketPort ?? endpoint.port);
    }
  }
  return variables;
}

/** Names of the gear's variables that belong to a cartridge's endpoints. */
export function endpointVariables(manifest: Manifest): readonly string[] {
  return [
    ...new Set(
      manifest.endpoints.flatMap((endpoint) => [
        endpoint.ipVariable,
        endpoint.portVariable,
        ...(endpoint.websocketPortVariable === undefined ? [] : [endpoint.websocketPortVariable]),
        ...(endpoint.publicPortVariable === undefined ? [] : [endpoint.publicPortVariable]),
      ]),
    ),
  ];
}

/** `address:port` the front door leads the application's own name to, for a cartridge that has a mapping for "". */
export function frontTarget(manifest: Manifest, environment: Variables): string | undefined {
  for (const endpoint of manifest.endpoints) {
    if (!endpoint.mappings.some(({ frontend }) => frontend === '')) continue;
    const ip = environment[endpoint.ipVariable];
    const port = environment[endpoint.portVariable];
    if (ip !== undefined && port !== undefined) return `${ip}:${port}`;
  }
  return undefined;
}
