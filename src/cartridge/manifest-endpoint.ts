/**
 * The `Endpoints` of a manifest: private addresses and ports a cartridge wants, the public port and the front-end
 * mappings that may go with them. Invariant: an `Endpoint` is complete (all three private keys) and its variable names
 * are already in their final form, `OPENSHIFT_<SHORT>_<Name>`.
 */
import * as v from 'valibot';

export interface Mapping {
  readonly frontend: string;
  readonly backend: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Endpoint {
  readonly ipVariable: string;
  readonly portVariable: string;
  readonly port: number;
  readonly publicPortVariable: string | undefined;
  readonly websocketPortVariable: string | undefined;
  readonly websocketPort: number | undefined;
  readonly protocols: readonly string[];
  readonly description: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
  readonly mappings: readonly Mapping[];
}

const text = v.optional(v.union([v.string(), v.null()]));
const options = v.optional(v.union([v.record(v.string(), v.unknown()), v.literal(''), v.null()]));
const protocolNames = ['http', 'https', 'ws', 'wss', 'tcp', 'tls', 'mysql', 'mongodb', 'postgresql'];
const httpLike = new Set(['http', 'https', 'ws', 'wss']);
const exclusive = ['gone', 'forbidden', 'noproxy', 'redirect', 'file', 'tohttps'];

const schema = v.looseObject({
  'Private-IP-Name': text,
  'Private-Port-Name': text,
  'Private-Port': text,
  'Public-Port-Name': text,
  'WebSocket-Port-Name': text,
  'WebSocket-Port': text,
  Protocols: v.optional(v.array(v.string())),
  Description: text,
  Options: options,
  Mappings: v.optional(
    v.array(
      v.looseObject({ Frontend: v.optional(v.string()), Backend: v.optional(v.string()), Options: options }),
    ),
  ),
});

type Raw = v.InferOutput<typeof schema>;

const given = (value: string | null | undefined): string | undefined =>
  value === null || value === undefined || value === '' ? undefined : value;

function variable(short: string, name: string | undefined): string | undefined {
  return name === undefined ? undefined : `OPENSHIFT_${short}_${name}`;
}

function portOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535
    ? Number(value)
    : undefined;
}

function mappings(raw: Raw, protocols: readonly string[], problems: string[]): Mapping[] {
  const http = protocols.every((protocol) => httpLike.has(protocol));
  const slashed = (path: string) => (http && path !== '' && !path.startsWith('/') ? `/${path}` : path);
  return (raw.Mappings ?? []).map((mapping) => {
    const chosen = typeof mapping.Options === 'object' && mapping.Options !== null ? mapping.Options : {};
    if (exclusive.filter((name) => name in chosen).length > 1)
      problems.push(`the options of mapping '${mapping.Frontend ?? ''}' exclude each other`);
    return {
      frontend: slashed(mapping.Frontend ?? ''),
      backend: slashed(mapping.Backend ?? ''),
      options: chosen,
    };
  });
}

function parseOne(short: string, value: unknown, at: number, problems: string[]): Endpoint | undefined {
  const result = v.safeParse(schema, value);
  if (!result.success) {
    problems.push(`endpoint ${at} is not a map of the known keys`);
    return undefined;
  }
  const raw = result.output;
  const ip = given(raw['Private-IP-Name']);
  const portName = given(raw['Private-Port-Name']);
  const portText = given(raw['Private-Port']);
  const missing = [
    ip === undefined ? 'Private-IP-Name' : '',
    portName === undefined ? 'Private-Port-Name' : '',
    portText === undefined ? 'Private-Port' : '',
  ].filter((key) => key !== '');
  for (const key of missing) problems.push(`${key} is missing in endpoint ${at}`);
  const names = [ip, portName, given(raw['Public-Port-Name']), given(raw['WebSocket-Port-Name'])];
  for (const name of names)
    if (name !== undefined && !/^[A-Z][A-Z0-9_]{0,63}$/i.test(name))
      problems.push(`${name} is no name of a variable`);
  const port = portOf(portText);
  if (portText !== undefined && port === undefined) problems.push(`Private-Port is not valid: ${portText}`);
  const protocols = raw.Protocols ?? (raw.Mappings === undefined ? ['tcp'] : ['http']);
  for (const protocol of protocols)
    if (!protocolNames.includes(protocol)) problems.push(`Protocol is not known: ${protocol}`);
  const routes = mappings(raw, protocols, problems);
  if (ip === undefined || portName === undefined || port === undefined) return undefined;
  return {
    ipVariable: `OPENSHIFT_${short}_${ip}`,
    portVariable: `OPENSHIFT_${short}_${portName}`,
    port,
    publicPortVariable: variable(short, given(raw['Public-Port-Name'])),
    websocketPortVariable: variable(short, given(raw['WebSocket-Port-Name'])),
    websocketPort: portOf(given(raw['WebSocket-Port'])),
    protocols,
    description: given(raw.Description),
    options: typeof raw.Options === 'object' && raw.Options !== null ? raw.Options : {},
    mappings: routes,
  };
}

/** All endpoints, or every problem at once. */
export function parseEndpoints(
  short: string,
  values: readonly unknown[],
): { readonly endpoints: readonly Endpoint[]; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const endpoints = values
    .map((value, index) => parseOne(short, value, index + 1, problems))
    .filter((endpoint) => endpoint !== undefined);
  return { endpoints, problems };
}
