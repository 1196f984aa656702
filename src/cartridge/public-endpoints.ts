/**
 * Public endpoints: those of a cartridge whose manifest names a variable for a public port. Invariant: the lines that
 * tell of one are the same four in the same order, whoever asks.
 */
import type { Variables } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import type { ExposedPort, Exposure } from '../gear/port-folder.js';
import { OoError } from '../native/error.js';
import type { Manifest } from './manifest.js';

export interface PublicEndpoint extends Exposure {
  /** Its connections are requests that come to an end. */
  readonly http: boolean;
}

/** A cartridge's public endpoints with the private addresses of `environment`. */
export function publicEndpoints(
  gear: Gear,
  manifest: Manifest,
  environment: Variables,
): readonly PublicEndpoint[] {
  return manifest.endpoints.flatMap((endpoint) => {
    const variable = endpoint.publicPortVariable;
    if (variable === undefined) return [];
    const address = environment[endpoint.ipVariable];
    if (address === undefined) {
      throw new OoError(
        `Missing private IP ${endpoint.ipVariable} for cart ${manifest.name} in gear ${gear.uuid}, required to create public endpoint ${variable}. Nothing was done.`,
        { code: 'ERR_NO_ADDRESS', gear: gear.uuid },
      );
    }
    const port = environment[endpoint.portVariable] ?? String(endpoint.port);
    const http = endpoint.protocols.some((protocol) => ['http', 'https', 'ws', 'wss'].includes(protocol));
    return [{ variable, target: `${address}:${port}`, http }];
  });
}

/** What the broker reads of public ports. */
export function cartData(gear: Gear, exposed: readonly ExposedPort[]): string {
  return exposed
    .map(({ port, target }) => {
      const [host = '', inner = ''] = target.split(':');
      const data = [`PROXY_HOST=${gear.dns}`, `PROXY_PORT=${port}`, `HOST=${host}`, `PORT=${inner}`];
      return data.map((each) => `CART_DATA: ${each}\n`).join('');
    })
    .join('');
}
