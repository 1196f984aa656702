/**
 * The folder of public ports (`.ports/<port>`), one file for each port that is somebody's: read for one gear, from the
 * ports its uid counts, or whole. Invariants: whatever stands in a file, its port is not free; changes are made by one
 * at a time.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { withLock } from '../host/lock.js';
import { Directory } from '../native/beneath.js';
import { errnoOf, OoError } from '../native/error.js';
import { LockFile } from '../native/lock.js';
import type { Node } from '../node/node.js';
import { publicPorts, type Port } from './identity.js';
import { parseClaim, type Claim } from './port-claim.js';

export type PortNode = Pick<Node, 'paths' | 'config' | 'log' | 'forwarding'>;

export interface PortOwner {
  readonly uuid: string;
  readonly uid: number;
}

/** What shall be reached from outside: `address:port` of the gear, and the gear's variable that names the public port. */
export interface Exposure {
  readonly variable: string;
  readonly target: string;
}

export interface ExposedPort extends Exposure {
  readonly port: Port;
}

/** `taken`: a file that is not this gear's, or cannot be read as anything. */
export interface Slot {
  readonly port: Port;
  readonly claim: Claim | 'free' | 'taken';
}

const locks = new Map<string, LockFile>();

function portsLock(path: string): LockFile {
  let file = locks.get(path);
  if (file === undefined) locks.set(path, (file = LockFile.open(path)));
  return file;
}

/** Runs `work` while nobody else changes a public port. */
export async function changingPorts<T>(node: PortNode, work: (ports: Directory) => Promise<T>): Promise<T> {
  const busy = (): OoError =>
    new OoError(
      'Public ports are being changed by somebody else for too long. Nothing was done; try again.',
      {
        code: 'ERR_PORTS_BUSY',
      },
    );
  return withLock(
    portsLock(node.paths.portsLock),
    0n,
    async () => {
      using ports = openPorts(node);
      if (ports === undefined) throw notSetUp(node);
      return await work(ports);
    },
    { timeout: node.config.gearLockTimeout, busy },
  );
}

function notSetUp(node: PortNode): OoError {
  return new OoError(
    `This node has no folder for public ports (${node.paths.ports}). Nothing was done; run oo-admin-node-setup.`,
    { code: 'ERR_PORTS_NOT_SET_UP' },
  );
}

/** The claim in a file; undefined for what cannot be read as one (only root could have put it there). */
function readClaim(ports: Directory, name: string): Claim | 'free' | undefined {
  try {
    const text = ports.tryReadText(name, 1024);
    return text === undefined ? 'free' : parseClaim(text);
  } catch (error) {
    if (['EFBIG', 'ELOOP', 'EINVAL', 'ENXIO', 'EISDIR', 'EXDEV'].includes(errnoOf(error) ?? ''))
      return undefined;
    throw error;
  }
}

export function slotsOf(node: PortNode, ports: Directory, owner: PortOwner): readonly Slot[] {
  return publicPorts(owner.uid, node.config.identity).map((port) => {
    const claim = readClaim(ports, String(port));
    if (claim === 'free') return { port, claim };
    return { port, claim: claim?.uuid === owner.uuid ? claim : 'taken' };
  });
}

/** What the gear itself has of them. */
export function ownPorts(slots: readonly Slot[]): readonly (ExposedPort & { readonly closing: boolean })[] {
  return slots.flatMap(({ port, claim }) =>
    typeof claim === 'string'
      ? []
      : [{ port, target: claim.target, variable: claim.variable, closing: claim.closing }],
  );
}

/** The gear's public ports, in ascending order. */
export function exposedPorts(node: PortNode, owner: PortOwner): readonly ExposedPort[] {
  using ports = openPorts(node);
  if (ports === undefined) return [];
  return ownPorts(slotsOf(node, ports, owner)).map(({ port, target, variable }) => ({
    port,
    target,
    variable,
  }));
}

/** undefined on a node whose set-up has not been run since there are public ports: nothing is exposed there. */
export function openPorts(node: PortNode): Directory | undefined {
  try {
    return Directory.open(node.paths.ports);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const TURN = 256;

/** Reads every file: never on the way of one gear. */
export async function allClaims(node: PortNode, ports: Directory): Promise<(Claim & { port: number })[]> {
  const claims: (Claim & { port: number })[] = [];
  let read = 0;
  for (const { name } of ports.list()) {
    if (!/^[1-9]\d{0,4}$/.test(name)) continue;
    read += 1;
    if (read % TURN === 0) await nextTurn();
    const claim = readClaim(ports, name);
    if (claim === 'free') continue;
    if (claim === undefined) node.log.warn('not a public port', { file: `${node.paths.ports}/${name}` });
    else claims.push({ ...claim, port: Number(name) });
  }
  return claims;
}

export async function wantedForwards(node: PortNode, ports: Directory): Promise<Map<number, string>> {
  const open = (await allClaims(node, ports)).filter(({ closing }) => !closing);
  return new Map(open.map(({ port, target }) => [port, target]));
}

/** Where every public port of this node shall lead. Reads all of them: never on the way of one gear. */
export async function desiredForwards(node: PortNode): Promise<ReadonlyMap<number, string>> {
  using ports = openPorts(node);
  return ports === undefined ? new Map() : await wantedForwards(node, ports);
}
