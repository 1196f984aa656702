/**
 * Acceptance of what a node is told: that node.conf says what a broker and gears rely on, and that the names and
 * addresses in it are those of this machine. Invariant: a default that happens to fit does not count as written.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { NodeConfig } from '../config.js';
import type { Finding } from '../finding.js';
import { readSettings } from '../settings.js';

const LAYER = 'configuration';

/** What has no safe default: each with how the set-up is told, or with its default to be written down. */
function requiredKeys(config: NodeConfig): readonly (readonly [key: string, value: string])[] {
  return [
    ['GEAR_BASE_DIR', config.gearBaseDir],
    ['GEAR_SHELL', config.gearShell],
    ['GEAR_GECOS', config.gearGecos],
    ['GEAR_MIN_UID', String(config.gearMinUid)],
    ['GEAR_MAX_UID', String(config.gearMaxUid)],
    ['CARTRIDGE_BASE_PATH', config.cartridgeBasePath],
    ['CLOUD_DOMAIN', config.cloudDomain],
    ['BROKER_HOST', config.brokerHost],
    ['PUBLIC_IP', config.publicIp],
    ['PUBLIC_HOSTNAME', config.publicHostname],
  ];
}

export function keyFindings(config: NodeConfig): readonly Finding[] {
  const file = join(config.confDir, 'node.conf');
  const { values } = readSettings(file);
  return requiredKeys(config)
    .filter(([key]) => values[key] === undefined || values[key] === '')
    .map(([key, value]) => ({
      layer: LAYER,
      wrong: `In ${file}, ${key} is not defined`,
      mend: `echo '${key}="${value}"' >> ${file}`,
    }));
}

const isLoopback = (address: string): boolean =>
  address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');

async function addressesOf(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}

/** Addresses of this machine that others can reach it by. */
function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
}

export async function nameFindings(config: NodeConfig): Promise<readonly Finding[]> {
  const { publicHostname, publicIp, brokerHost } = config;
  const findings: Finding[] = [];
  const say = (wrong: string, mend: string): void => void findings.push({ layer: LAYER, wrong, mend });
  if (isLoopback(publicIp))
    say(
      `PUBLIC_IP ${publicIp} is an address of this machine alone`,
      'oo-admin-node-setup --public-ip ADDRESS',
    );
  if (isIP(brokerHost) === 0 && (await addressesOf(brokerHost)).length === 0)
    say(`BROKER_HOST ${brokerHost} does not resolve`, `oo-admin-node-setup --broker-host NAME`);
  const found = await addressesOf(publicHostname);
  const expected = [...new Set([publicIp, ...ownAddresses()])];
  const mend = 'oo-admin-node-setup --public-hostname NAME';
  if (publicHostname === 'localhost')
    say(`PUBLIC_HOSTNAME should be a public name, not ${publicHostname}`, mend);
  else if (found.length === 0) say(`PUBLIC_HOSTNAME ${publicHostname} does not resolve`, mend);
  else if (!found.some((address) => expected.includes(address)))
    say(
      `PUBLIC_HOSTNAME ${publicHostname} resolves to ${found.join(', ')}; expected ${expected.join(' or ')}`,
      mend,
    );
  return findings;
}
