/**
 * A gear's public ports: which of those counted from its uid lead to which of its own addresses. What is wanted stands
 * in one file for each port (`.ports/<port>`: uuid, target, variable), and that file is also the claim, because two
 * uids may count the same ports. Invariants: files and kernel change together under one lock of the node; a port that a
 * file stands for is never given to another gear, whatever is in the file; a port leads only to addresses of its gear;
 * the file is there before the kernel leads anywhere, and goes after the kernel has stopped.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ForwardChange } from '../host/port-forwarding.js';
import { withLock } from '../host/lock.js';
import { Directory } from '../native/beneath.js';
import { errnoOf, OoError } from '../native/error.js';
import { LockFile } from '../native/lock.js';
import type { Node } from '../node/node.js';
import { claimText, parseClaim, type Claim } from './port-claim.js';
import { loopbackAddress, publicPorts, type Port } from './identity.js';

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
interface Slot {
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
      using ports = Directory.open(node.paths.ports);
      return await work(ports);
    },
    { timeout: node.config.gearLockTimeout, busy },
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

function slotsOf(node: PortNode, ports: Directory, owner: PortOwner): readonly Slot[] {
  return publicPorts(owner.uid, node.config.identity).map((port) => {
    const claim = readClaim(ports, String(port));
    if (claim === 'free') return { port, claim };
    return { port, claim: claim?.uuid === owner.uuid ? claim : 'taken' };
  });
}

function ownPorts(slots: readonly Slot[]): readonly (ExposedPort & { readonly closing: boolean })[] {
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
function openPorts(node: PortNode): Directory | undefined {
  try {
    return Directory.open(node.paths.ports);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function requireOwnAddress(node: PortNode, owner: PortOwner, { target }: Exposure): void {
  for (let host = 1; host <= 127; host += 1)
    if (target.startsWith(`${loopbackAddress(owner.uid, host, node.config.identity)}:`)) return;
  throw new OoError(
    `A public port of gear ${owner.uuid} leads to one of its own addresses, not ${JSON.stringify(target)}. Nothing was exposed.`,
    { code: 'ERR_BAD_ADDRESS', gear: owner.uuid },
  );
}

function portsTaken(owner: PortOwner, slots: readonly Slot[]): OoError {
  return new OoError(
    `All ports are taken, cannot add more: gear ${owner.uuid} has the public ports ${slots[0]?.port ?? ''} to ${slots.at(-1)?.port ?? ''}. Nothing was exposed; conceal one first.`,
    { code: 'ERR_PORTS_TAKEN', exitCode: 67, gear: owner.uuid },
  );
}

/** A port for each: the one it has already, else the first free one. All or none. */
function choose(owner: PortOwner, slots: readonly Slot[], wanted: readonly Exposure[]): ExposedPort[] {
  const mine = ownPorts(slots);
  const free = slots.filter(({ claim }) => claim === 'free').map(({ port }) => port);
  return wanted.map(({ variable, target }) => {
    const port = mine.find((each) => each.variable === variable)?.port ?? free.shift();
    if (port === undefined) throw portsTaken(owner, slots);
    return { port, target, variable };
  });
}

/** Leads a public port to each target; the same again changes nothing and answers the same. */
export async function exposePorts(
  node: PortNode,
  owner: PortOwner,
  wanted: readonly Exposure[],
): Promise<readonly ExposedPort[]> {
  if (wanted.length === 0) return [];
  for (const each of wanted) requireOwnAddress(node, owner, each);
  return changingPorts(node, async (ports) => {
    const slots = slotsOf(node, ports, owner);
    const before = ownPorts(slots);
    const chosen = choose(owner, slots, wanted);
    const was = (port: number) => before.find((each) => each.port === port);
    for (const { port, ...claim } of chosen) {
      const text = claimText({ uuid: owner.uuid, ...claim, closing: false });
      const old = was(port);
      if (old === undefined || claimText({ uuid: owner.uuid, ...old }) !== text)
        ports.write(String(port), text, { mode: 0o600 });
    }
    await apply(
      node,
      ports,
      chosen.map(({ port, target }) => ({ port, from: was(port)?.target, to: target })),
    );
    return chosen;
  });
}

async function release(
  node: PortNode,
  ports: Directory,
  going: readonly { port: number; target: string }[],
): Promise<void> {
  if (going.length === 0) return;
  await apply(
    node,
    ports,
    going.map(({ port, target }) => ({ port, from: target, to: undefined })),
  );
  for (const { port } of going) ports.unlink(String(port), { missing: true });
}

/** Gives back the ports these variables name. */
export async function concealPorts(
  node: PortNode,
  owner: PortOwner,
  variables: readonly string[],
): Promise<void> {
  const named = ({ variable }: Exposure): boolean => variables.includes(variable);
  if (!exposedPorts(node, owner).some(named)) return;
  await changingPorts(node, (ports) =>
    release(node, ports, ownPorts(slotsOf(node, ports, owner)).filter(named)),
  );
}

/** Undoes an exposition: of these variables' ports exactly those of `before` remain, leading where they led. */
export async function putBackPorts(
  node: PortNode,
  owner: PortOwner,
  variables: readonly string[],
  before: readonly ExposedPort[],
): Promise<void> {
  const fresh = variables.filter((name) => !before.some(({ variable }) => variable === name));
  await concealPorts(node, owner, fresh);
  await exposePorts(node, owner, before);
}

/**
 * The first half of a concealment: nothing new comes in by these ports, what is established goes on, and the ports stay
 * the gear's own, so that nobody else is given them meanwhile.
 */
export async function closePorts(
  node: PortNode,
  owner: PortOwner,
  closing: readonly ExposedPort[],
): Promise<void> {
  await changingPorts(node, async (ports) => {
    const mine = ownPorts(slotsOf(node, ports, owner)).filter(({ port }) =>
      closing.some((each) => each.port === port),
    );
    for (const { port, target, variable } of mine) {
      // Whoever closes is on its way to give the port back, and does it again after a power failure.
      const text = claimText({ uuid: owner.uuid, target, variable, closing: true });
      ports.write(String(port), text, { mode: 0o600, durable: false });
    }
    await apply(
      node,
      ports,
      mine.map(({ port, target }) => ({ port, from: target, to: undefined })),
    );
  });
}

/** Gives back all ports of a gear; without a uid (its account is gone) all files are searched for its name. */
export async function concealAll(
  node: PortNode,
  owner: { readonly uuid: string; readonly uid: number | undefined },
): Promise<void> {
  const { uuid, uid } = owner;
  if (uid !== undefined) {
    const all = exposedPorts(node, { uuid, uid });
    await concealPorts(
      node,
      { uuid, uid },
      all.map(({ variable }) => variable),
    );
    return;
  }
  using folder = openPorts(node);
  if (folder === undefined) return;
  await changingPorts(node, async (ports) => {
    const claims = await allClaims(node, ports);
    await release(
      node,
      ports,
      claims.filter((claim) => claim.uuid === uuid),
    );
  });
}

const TURN = 256;

async function allClaims(node: PortNode, ports: Directory): Promise<(Claim & { port: number })[]> {
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

async function wantedForwards(node: PortNode, ports: Directory): Promise<Map<number, string>> {
  const open = (await allClaims(node, ports)).filter(({ closing }) => !closing);
  return new Map(open.map(({ port, target }) => [port, target]));
}

/** Where every public port of this node shall lead. Reads all of them: never on the way of one gear. */
export async function desiredForwards(node: PortNode): Promise<ReadonlyMap<number, string>> {
  using ports = openPorts(node);
  return ports === undefined ? new Map() : await wantedForwards(node, ports);
}

/** Brings the kernel to what is wanted, whatever it has now. */
export async function restoreForwards(node: PortNode): Promise<void> {
  await changingPorts(node, async (ports) => node.forwarding.restore(await wantedForwards(node, ports)));
}

/** Changes the kernel; one that has lost everything (a reboot, somebody's flush) gets everything back. */
async function apply(node: PortNode, ports: Directory, changes: readonly ForwardChange[]): Promise<void> {
  try {
    await node.forwarding.apply(changes);
  } catch (error) {
    if (errnoOf(error) !== 'ERR_PORT_PROXY_DOWN') throw error;
    node.log.warn('public ports were not in force and are restored', { error });
    const wanted = await wantedForwards(node, ports);
    for (const { port, to } of changes) {
      if (to === undefined) wanted.delete(port);
      else wanted.set(port, to);
    }
    await node.forwarding.restore(wanted);
  }
}
