/**
 * A gear's public ports: which of those counted from its uid lead to which of its own addresses. What is wanted stands
 * in one file for each port (`.ports/<port>`: uuid, target, variable), and that file is also the claim, because two
 * uids may count the same ports. Invariants: files and kernel change together under one lock of the node; a port that a
 * file stands for is never given to another gear, whatever is in the file; a port leads only to addresses of its gear;
 * the file is there before the kernel leads anywhere, and goes after the kernel has stopped.
 */
import type { ForwardChange } from '../host/port-forwarding.js';
import type { Directory } from '../native/beneath.js';
import { errnoOf, OoError } from '../native/error.js';
import { loopbackAddress } from './identity.js';
import { claimText } from './port-claim.js';
import {
  allClaims,
  changingPorts,
  exposedPorts,
  openPorts,
  ownPorts,
  slotsOf,
  wantedForwards,
  type ExposedPort,
  type Exposure,
  type PortNode,
  type PortOwner,
  type Slot,
} from './port-folder.js';

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
