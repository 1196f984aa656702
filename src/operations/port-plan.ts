/**
 * An exposition of public ports within an operation, as plain data for the journal: what is to be exposed and what
 * stood before it. Invariant: undoing it leaves ports and variables exactly as they were, whether or not it was reached.
 */
import { readEnvironment, setVariable } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import { exposedPorts, type ExposedPort, type Exposure } from '../gear/port-folder.js';
import { exposePorts, putBackPorts } from '../gear/ports.js';
import { applyVariables } from '../cartridge/install-in-gear.js';
import { cartData } from '../cartridge/public-endpoints.js';
import type { Node } from '../node/node.js';

export interface PortPlan {
  readonly exposures: readonly Exposure[];
  /** The ports that these variables name already, and the variables as they are. */
  readonly exposed: readonly ExposedPort[];
  readonly previous: Readonly<Record<string, string | null>>;
}

export function planPorts(node: Node, gear: Gear, endpoints: readonly Exposure[]): PortPlan {
  const environment = readEnvironment(gear);
  const exposures = endpoints.map(({ variable, target }) => ({ variable, target }));
  const wanted = new Set(exposures.map(({ variable }) => variable));
  return {
    exposures,
    exposed: wanted.size === 0 ? [] : exposedPorts(node, gear).filter(({ variable }) => wanted.has(variable)),
    previous: Object.fromEntries([...wanted].map((name) => [name, environment[name] ?? null])),
  };
}

/** Does the gear already say all that the plan would make it say? */
export function isExposed({ exposures, exposed, previous }: PortPlan): boolean {
  return exposures.every(({ variable, target }) => {
    const port = exposed.find((each) => each.variable === variable && each.target === target)?.port;
    return port !== undefined && previous[variable] === String(port);
  });
}

/** Exposes, and hands back the lines that say so. */
export async function exposePlanned(node: Node, gear: Gear, plan: PortPlan): Promise<string> {
  const exposed = await exposePorts(node, gear, plan.exposures);
  for (const { variable, port } of exposed)
    if (plan.previous[variable] !== String(port)) setVariable(node, gear, variable, String(port));
  return cartData(gear, exposed);
}

export async function undoExpose(node: Node, gear: Gear, plan: PortPlan): Promise<void> {
  if (plan.exposures.length === 0) return;
  applyVariables(node, gear, plan.previous);
  const variables = plan.exposures.map(({ variable }) => variable);
  await putBackPorts(node, gear, variables, plan.exposed);
}
