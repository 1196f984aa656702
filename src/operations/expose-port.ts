/**
 * Public ports of a cartridge in a gear: exposed, concealed, shown. Invariant: the same exposition again answers the
 * same; a port, its variable and the kernel's rule come and go together, an exposition that died is undone, a
 * concealment that died is done.
 */
import { openGear, type Gear } from '../gear/gear.js';
import { readEnvironment, removeVariable } from '../gear/environment.js';
import { parseGearUuid } from '../gear/identity.js';
import { exposedPorts, type ExposedPort } from '../gear/port-folder.js';
import { concealPorts } from '../gear/ports.js';
import { openCartridge, type Cartridge } from '../cartridge/installed.js';
import { cartData, publicEndpoints } from '../cartridge/public-endpoints.js';
import { OoError } from '../native/error.js';
import type { OperationDefinition } from '../journal/operation.js';
import type { Node } from '../node/node.js';
import { onGear, registerOperation } from './journal.js';
import { exposePlanned, isExposed, planPorts, undoExpose, type PortPlan } from './port-plan.js';
import { silent, succeeded, type OperationResult } from './result.js';

export interface PortInput {
  readonly uuid: string;
  /** As it is known in the gear, or as it was asked for. */
  readonly cartridge: string;
}

interface Exposition extends PortPlan {
  readonly uuid: string;
}

interface Concealment {
  readonly uuid: string;
  readonly variables: readonly string[];
}

interface Exposing {
  readonly plan: Exposition;
  readonly gear: Gear;
  readonly lines: string[];
}

interface Concealing {
  readonly concealment: Concealment;
  readonly gear: Gear;
}

function exposition(node: Node): OperationDefinition<Exposition, Exposing> {
  return {
    name: 'expose-port',
    recover: 'back',
    open: (plan) => ({ plan, gear: openGear(node, plan.uuid), lines: [] }),
    steps: [
      {
        name: 'ports',
        async run({ plan, gear, lines }) {
          lines.push(await exposePlanned(node, gear, plan));
        },
        undo: ({ plan, gear }) => undoExpose(node, gear, plan),
      },
    ],
  };
}

function concealment(node: Node): OperationDefinition<Concealment, Concealing> {
  return {
    name: 'conceal-port',
    recover: 'forward',
    open: (input) => ({ concealment: input, gear: openGear(node, input.uuid) }),
    steps: [
      {
        name: 'ports',
        run: ({ concealment: { variables }, gear }) => concealPorts(node, gear, variables),
      },
      {
        name: 'variables',
        run({ concealment: { variables }, gear }) {
          for (const name of variables) removeVariable(gear, name);
        },
      },
    ],
  };
}

registerOperation('expose-port', exposition);
registerOperation('conceal-port', concealment);

/** For the log. */
function numbersOf(exposed: readonly ExposedPort[]): string {
  return exposed.map(({ port }) => port).join(' ');
}

/** Leads a public port to each public endpoint of the cartridge; tells where, in CART_DATA lines. */
export async function exposePort(node: Node, input: PortInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async (journal) => {
    const gear = openGear(node, uuid);
    const cartridge = openCartridge(gear, input.cartridge);
    const plan = planPorts(node, gear, publicEndpoints(gear, cartridge.manifest, readEnvironment(gear)));
    if (plan.exposures.length === 0) return silent;
    try {
      // Nothing to undo when all is said already: this only makes sure that the kernel agrees.
      if (isExposed(plan)) return succeeded(await exposePlanned(node, gear, plan));
      const { lines } = await journal.run(exposition(node), uuid, { uuid, ...plan });
      const ports = numbersOf(exposedOf(node, gear, cartridge));
      node.log.info('ports exposed', { gear: uuid, cartridge: input.cartridge, ports });
      return succeeded(lines.join(''));
    } catch (error) {
      if (!(error instanceof OoError) || error.code !== 'ERR_PORTS_TAKEN') throw error;
      node.log.warn('ports not exposed', { gear: uuid, cartridge: input.cartridge, error });
      return { output: 'All ports are taken, cannot add more\n', exitCode: error.exitCode };
    }
  });
}

function variablesOf({ manifest }: Cartridge): readonly string[] {
  return manifest.endpoints.flatMap(({ publicPortVariable }) => publicPortVariable ?? []);
}

function exposedOf(node: Node, gear: Gear, cartridge: Cartridge): readonly ExposedPort[] {
  const all = exposedPorts(node, gear);
  return variablesOf(cartridge).flatMap((name) => all.find(({ variable }) => variable === name) ?? []);
}

/** Gives the cartridge's public ports back. */
export async function concealPort(node: Node, input: PortInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async (journal) => {
    const gear = openGear(node, uuid);
    const cartridge = openCartridge(gear, input.cartridge);
    const environment = readEnvironment(gear);
    const exposed = exposedOf(node, gear, cartridge);
    const named = exposed.map(({ variable }) => variable);
    const variables = variablesOf(cartridge).filter((name) => named.includes(name) || name in environment);
    if (variables.length === 0) return silent;
    await journal.run(concealment(node), uuid, { uuid, variables });
    node.log.info('ports concealed', { gear: uuid, cartridge: input.cartridge, ports: numbersOf(exposed) });
    return silent;
  });
}

/** What an exposition of the cartridge has answered, or that there was none. */
export async function showPort(node: Node, input: PortInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async () => {
    const gear = openGear(node, uuid);
    const exposed = exposedOf(node, gear, openCartridge(gear, input.cartridge));
    return succeeded(
      exposed.length === 0 ? 'CLIENT_RESULT: No proxy ports defined\n' : cartData(gear, exposed),
    );
  });
}
