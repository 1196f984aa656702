/**
 * The ways into one gear, each on both sides: a public port's claim file beside the kernel's rule, a host name in the
 * front door's file beside its memory, keys beside the mode of their file. Invariant: looking changes nothing.
 */
import { createHash } from 'node:crypto';
import { errnoOf } from '../../native/error.js';
import { ownershipFinding, type Finding } from '../../node/finding.js';
import type { Node } from '../../node/node.js';
import type { Gear } from '../gear.js';
import { publicPorts } from '../identity.js';
import { listKeys } from '../keys.js';
import { openPorts, slotsOf, type Exposure } from '../port-folder.js';
import { gearRoutes } from '../routes.js';
import { statIn } from './layers.js';

export interface ExplainedPort {
  readonly port: number;
  /** What the claim file says; undefined without one of this gear. */
  readonly claim: (Exposure & { readonly closing: boolean }) | undefined;
  /** Where the kernel leads it. */
  readonly kernel: string | undefined;
}

export interface ExplainedRoute {
  readonly name: string;
  readonly file: string | undefined;
  readonly memory: string | undefined;
}

export interface ExplainedKey {
  readonly type: string;
  readonly fingerprint: string;
  readonly comment: string;
}

/** What a cartridge of the gear says that a public port leads to. */
export interface NamedPort extends Exposure {
  /** As `oo-create-endpoints` takes it. */
  readonly cartridge: string;
  /** The public port in the gear's variable. */
  readonly port: number;
}

const START = 'oo-admin-ctl-iptables-port-proxy start';

interface Explained<T> {
  readonly found: readonly T[];
  readonly findings: readonly Finding[];
}

/** The ports that this gear's uid counts. */
export async function explainPorts(
  node: Node,
  gear: Gear,
  named: readonly NamedPort[],
): Promise<Explained<ExplainedPort>> {
  const findings: Finding[] = [];
  const say = (wrong: string, mend = START): void =>
    void findings.push({ layer: 'public port', wrong, mend });
  let kernel: ReadonlyMap<number, string> = new Map();
  try {
    kernel = await node.forwarding.list();
  } catch (error) {
    say(`The rules of the kernel cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  using folder = openPorts(node);
  const slots = folder === undefined ? [] : slotsOf(node, folder, gear);
  const found: ExplainedPort[] = [];
  for (const port of publicPorts(gear.uid, node.config.identity)) {
    const claim = slots.find((slot) => slot.port === port)?.claim ?? 'free';
    if (claim === 'taken') continue; // another gear's, whose uid counts the same port
    const own = claim === 'free' ? undefined : claim;
    const does = kernel.get(port);
    const known = named.find((each) => each.port === port);
    if (own === undefined && does === undefined && known === undefined) continue;
    found.push({ port, claim: own, kernel: does });
    if (own === undefined) {
      const leads = does === undefined ? '' : `, and the kernel leads it to ${does}`;
      const file = `${node.paths.ports}/${port}`;
      if (known !== undefined)
        say(
          `Port ${port} is that of ${known.variable}, but its claim ${file} is missing${leads}`,
          `oo-create-endpoints -a ${gear.appUuid} -c ${gear.uuid} -n ${known.cartridge}`,
        );
      else say(`Port ${port} has no claim ${file}${leads}`);
    } else if (!own.closing && does !== own.target) {
      say(
        `Port ${port} leads ${does === undefined ? 'nowhere' : `to ${does}`}, and shall lead to ${own.target}`,
      );
    }
  }
  if (found.length > 0 && findings.every(({ wrong }) => !wrong.startsWith('The rules')))
    for (const problem of await node.forwarding.problems()) say(`The port proxy is not whole: ${problem}`);
  return { found, findings };
}

const RECOVER = 'oo-admin-ctl-gears recover';

export async function explainRoutes(node: Node, gear: Gear): Promise<Explained<ExplainedRoute>> {
  const findings: Finding[] = [];
  const say = (wrong: string, mend = RECOVER): void => void findings.push({ layer: 'route', wrong, mend });
  const found: ExplainedRoute[] = [];
  let down = false;
  for (const name of gearRoutes(node, gear)) {
    const file = node.routes.get(name);
    let memory: string | undefined;
    try {
      if (!down) memory = await node.routes.running(name);
    } catch (error) {
      down = true;
      const why = errnoOf(error) === 'ERR_HAPROXY_DOWN' ? 'does not run' : 'does not answer';
      say(`The front door ${why}: no name leads to the gear`, 'oo-admin-node-setup --start');
    }
    found.push({ name, file, memory });
    if (file === undefined) say(`${name} is the gear's, but the front door's file does not have it`);
    else if (!down && memory !== file)
      say(
        `${name} leads ${memory === undefined ? 'nowhere' : `to ${memory}`} in HAProxy's memory, and to ${file} in its file`,
      );
  }
  return { found, findings };
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(key: string): string {
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

export function explainKeys(gear: Gear): Explained<ExplainedKey> {
  const prefix = `OPENSHIFT-${gear.uuid}-`;
  const found = listKeys(gear).map(({ type, key, id }) => ({
    type,
    fingerprint: fingerprint(key),
    comment: id.startsWith(prefix) ? id.slice(prefix.length) : id,
  }));
  const path = `${gear.home}/.ssh/authorized_keys`;
  const info = statIn(`${gear.home}/.ssh`, 'authorized_keys');
  const shall = { uid: 0, gid: gear.gid, mode: 0o440 };
  const findings =
    info === undefined
      ? [
          {
            layer: 'keys',
            wrong: `There is no ${path}`,
            mend: `install -o 0 -g ${gear.gid} -m 0440 /dev/null ${path}`,
          },
        ]
      : ownershipFinding('keys', path, info, shall);
  return { found, findings };
}
