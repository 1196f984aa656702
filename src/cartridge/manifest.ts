/**
 * A cartridge's `metadata/manifest.yml`, checked once. YAML scalars are all read as text (the failsafe schema), so that
 * `Version: 5.10` stays 5.10. Invariant: a `Manifest` speaks of one software version, with that version's overrides
 * already merged in, and its name is safe as the name of a directory.
 */
import * as v from 'valibot';
import { parse } from 'yaml';
import { OoError } from '../native/error.js';
import { parseEndpoints, type Endpoint } from './manifest-endpoint.js';

export interface Connector {
  readonly type: string;
  readonly required: boolean;
}

export interface Manifest {
  readonly name: string;
  /** Upper case; what the cartridge's variables begin with, after `OPENSHIFT_`. */
  readonly shortName: string;
  readonly displayName: string;
  readonly description: string;
  /** The software version this manifest was read for. */
  readonly version: string;
  readonly versions: readonly string[];
  readonly cartridgeVersion: string;
  readonly compatibleVersions: readonly string[];
  readonly vendor: string;
  readonly categories: readonly string[];
  readonly suggests: readonly string[];
  readonly endpoints: readonly Endpoint[];
  readonly publishes: Readonly<Record<string, Connector>>;
  readonly subscribes: Readonly<Record<string, Connector>>;
  readonly installBuildRequired: boolean;
  readonly additionalControlActions: readonly string[];
  readonly metrics: readonly string[];
  readonly sourceUrl: string | undefined;
  readonly sourceMd5: string | undefined;
  /** Everything that was in the file, after the overrides: for descriptors, never for decisions. */
  readonly document: Readonly<Record<string, unknown>>;
}

const MAX_BYTES = 262_144;
const roles = ['web_framework', 'plugin', 'service', 'embedded', 'web_proxy', 'ci_builder', 'external'];
const dotted = /^\d+(\.\d+)*$/;

const list = (what: string) => v.optional(v.array(v.unknown(), `${what} is not a list`), []);
const words = (what: string) => v.optional(v.array(v.string(), `${what} is not a list`), []);
const text = v.optional(v.string(), '');
const name = v.pipe(
  v.string('Name is missing'),
  v.regex(
    /^[a-z0-9]([-._a-z0-9]{0,30}[a-z0-9])?$/,
    'Name is 1 to 32 of a-z, 0-9, dot, dash, underscore and begins and ends with a letter or digit',
  ),
  v.check((value) => value !== 'app-root' && value !== 'git' && !value.includes('..'), 'Name is reserved'),
);
const connectors = v.optional(
  v.union([v.record(v.string(), v.unknown()), v.literal(''), v.null()]),
  {} as Record<string, unknown>,
);

const schema = v.looseObject({
  Name: name,
  'Cartridge-Short-Name': v.pipe(
    v.string('Cartridge-Short-Name is missing'),
    v.regex(/^[A-Za-z0-9_]{1,32}$/, 'Cartridge-Short-Name is 1 to 32 letters, digits and underscores'),
    v.toUpperCase(),
  ),
  'Display-Name': text,
  Description: text,
  Version: v.string('Version is missing'),
  Versions: words('Versions'),
  'Cartridge-Version': text,
  'Compatible-Versions': words('Compatible-Versions'),
  'Cartridge-Vendor': v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^[a-z0-9]([a-z0-9_]{0,30}[a-z0-9])?$/,
        'Cartridge-Vendor is 1 to 32 of a-z, 0-9 and inner underscores',
      ),
    ),
    'redhat',
  ),
  Categories: words('Categories'),
  Suggests: list('Suggests'),
  Endpoints: list('Endpoints'),
  Publishes: connectors,
  Subscribes: connectors,
  'Install-Build-Required': text,
  'Additional-Control-Actions': words('Additional-Control-Actions'),
  Metrics: words('Metrics'),
  'Source-Url': v.optional(v.string()),
  'Source-Md5': v.optional(v.string()),
});

function malformed(where: string, problems: readonly string[]): OoError {
  return new OoError(
    `The cartridge manifest ${where} is not valid: ${problems.join('; ')}. Nothing was done; correct the manifest.`,
    { code: 'ERR_MANIFEST', exitCode: 1 },
  );
}

function documentOf(where: string, source: string): Record<string, unknown> {
  if (source.length > MAX_BYTES) throw malformed(where, [`it is longer than ${MAX_BYTES} characters`]);
  let value: unknown;
  try {
    value = parse(source, { schema: 'failsafe', logLevel: 'error' });
  } catch (cause) {
    throw malformed(where, [
      `it is not YAML (${cause instanceof Error ? (cause.message.split('\n', 1)[0] ?? '') : ''})`,
    ]);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(where, ['it is not a map']);
  return value as Record<string, unknown>;
}

function connectorsOf(value: unknown): Record<string, Connector> {
  const found: Record<string, Connector> = {};
  for (const [event, entry] of Object.entries(typeof value === 'object' && value !== null ? value : {})) {
    const { Type: type, Required: required } = (entry ?? {}) as { Type?: unknown; Required?: unknown };
    if (typeof type === 'string') found[event] = { type, required: required === 'true' };
  }
  return found;
}

function versionOf(value: string): string {
  return dotted.test(value) ? value : '0.0.0';
}

/** All software versions a manifest offers, the default one first. */
export function offeredVersions(source: string, where: string): readonly string[] {
  const document = documentOf(where, source);
  const listed = Array.isArray(document['Versions']) ? document['Versions'].map(String) : [];
  const version = versionOf(typeof document['Version'] === 'string' ? document['Version'] : '');
  return [...new Set([version, ...listed])];
}

const MAX_KNOWN = 128;
const known = new Map<string, Manifest>();

/**
 * Reads a manifest for one software version; without one, for its default. The same text is parsed once: every gear of
 * the node has a copy of the same few manifests.
 */
export function parseManifest(source: string, where: string, version?: string): Manifest {
  const key = `${version ?? ''}\n${source}`;
  let manifest = known.get(key);
  if (manifest === undefined) {
    manifest = readManifest(source, where, version);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, manifest);
  }
  return manifest;
}

function readManifest(source: string, where: string, version?: string): Manifest {
  const offered = offeredVersions(source, where);
  const chosen = version ?? offered[0] ?? '0.0.0';
  if (!offered.includes(chosen)) {
    throw new OoError(
      `The cartridge ${where} has no version ${chosen}, only ${offered.join(', ')}. Nothing was done.`,
      { code: 'ERR_CARTRIDGE_VERSION', exitCode: 1 },
    );
  }
  const base = documentOf(where, source);
  const overrides = base['Version-Overrides'];
  const own =
    typeof overrides === 'object' && overrides !== null
      ? (overrides as Record<string, unknown>)[chosen]
      : undefined;
  const document = typeof own === 'object' && own !== null ? { ...base, ...own } : base;
  const result = v.safeParse(schema, document);
  if (!result.success)
    throw malformed(
      where,
      result.issues.map((issue) => issue.message),
    );
  const raw = result.output;
  const { endpoints, problems } = parseEndpoints(raw['Cartridge-Short-Name'], raw.Endpoints);
  if (problems.length > 0) throw malformed(where, [`Couldn't parse endpoints: ${problems.join(', ')}`]);
  if (!raw.Categories.some((category) => roles.includes(category)))
    throw malformed(where, [`Categories has none of ${roles.join(', ')}`]);
  if (raw.Categories.includes('web_framework') && raw.Categories.includes('external'))
    throw malformed(where, ['Categories cannot have both web_framework and external']);
  return {
    name: raw.Name,
    shortName: raw['Cartridge-Short-Name'],
    displayName: raw['Display-Name'] === '' ? raw.Name : raw['Display-Name'],
    description: raw.Description,
    version: chosen,
    versions: offered,
    cartridgeVersion: versionOf(raw['Cartridge-Version']),
    compatibleVersions: raw['Compatible-Versions'],
    vendor: raw['Cartridge-Vendor'],
    categories: raw.Categories,
    suggests: raw.Suggests.map(String),
    endpoints,
    publishes: connectorsOf(raw.Publishes),
    subscribes: connectorsOf(raw.Subscribes),
    installBuildRequired: raw['Install-Build-Required'].toLowerCase() === 'true',
    additionalControlActions: raw['Additional-Control-Actions'],
    metrics: raw.Metrics,
    sourceUrl: raw['Source-Url'],
    sourceMd5: raw['Source-Md5'],
    document,
  };
}
