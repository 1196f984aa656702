/**
 * One action on one gear: finds its handler, checks its arguments, carries it out and writes its lines of the log, for
 * a `cartridge_do` and for a job of an `execute_parallel` alike. Invariant: it never throws; a failure is an exit code
 * and a sentence.
 */
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import { parseArguments } from './arguments.js';
import { actOnCartridge, hookPath, isCartridgeAction } from './cartridge-actions.js';
import { connectors } from './connectors.js';
import { namedCartridgeCall } from './named-cartridge-call.js';
import { nodeActions } from './node-actions.js';
import type { RequestMeta } from './request.js';
import type { RequestLog } from './request-log.js';
import { checkArgumentString, splitWords } from './words.js';

/** The cartridge that is none: requests to it concern the node itself. */
export const DUMMY = 'openshift-origin-node';

export interface ActionContext {
  readonly node: Node;
  readonly log: RequestLog;
  readonly meta: RequestMeta;
}

/** What a cartridge_do or a job asks for. */
export interface Call {
  readonly cartridge: string;
  readonly action: string;
  readonly args: string | Readonly<Record<string, unknown>>;
}

export interface Performed {
  readonly exitcode: number;
  /** What the broker reads: text, or for get-quota a list of texts. */
  readonly output: unknown;
  readonly addtl: Readonly<Record<string, unknown>> | null;
  /** True when nothing of a cartridge printed this: the node itself refused or failed. */
  readonly failed: boolean;
}

/** Whether the call is one of a cartridge's hooks with positional arguments, as the oldest brokers make it. */
export function isHookCall({ cartridge, args }: Call): boolean {
  return cartridge !== DUMMY && typeof args === 'string';
}

export function perform(context: ActionContext, call: Call): Promise<Performed> {
  return isHookCall(call) ? performHook(context, call) : performNamed(context, call);
}

/** `'phpapp' 'demo' 'UUID'`: a cartridge's action by position. */
async function performHook({ node, log }: ActionContext, call: Call): Promise<Performed> {
  const text = call.args as string;
  return guarded(node, call, async () => {
    checkArgumentString(text);
    const [name, namespace, uuid, ...rest] = splitWords(text);
    if (name === undefined || namespace === undefined || uuid === undefined) {
      throw new OoError('The arguments are a gear name, a namespace and a gear uuid. Nothing was done.', {
        code: 'ERR_BAD_ARGUMENTS',
        exitCode: 255,
      });
    }
    log.executing(hookPath(node, call.cartridge, call.action), text);
    const asked = { uuid, cartridge: call.cartridge, action: call.action, rest, templateUrl: undefined };
    return fromResult(await actOnCartridge(node, asked));
  }).then((performed) => {
    log.completed(performed.exitcode, asText(performed.output));
    return performed;
  });
}

/** An action by name, its arguments a hash: of the dummy cartridge, of a connector, or of a gear's cartridge. */
async function performNamed({ node, log }: ActionContext, call: Call): Promise<Performed> {
  const { action, cartridge } = call;
  const args = typeof call.args === 'string' ? {} : call.args;
  return guarded(node, call, async () => {
    if (typeof call.args === 'string' && call.args.trim() !== '') {
      throw new OoError(`Action ${action} takes named arguments, not a string. Nothing was done.`, {
        code: 'ERR_BAD_ARGUMENTS',
        exitCode: 255,
      });
    }
    const ofNode = nodeActions.get(action) ?? connectors.get(action);
    if (ofNode !== undefined) {
      log.command(action);
      return fromResult(await ofNode.handle(node, parseArguments(ofNode.schema, args, action)));
    }
    const named = typeof args['--cart-name'] === 'string' ? args['--cart-name'] : cartridge;
    if (named === DUMMY || !isCartridgeAction(node, named, action)) {
      return unsupported(`Unsupported action: ${action}/oo_${action.replaceAll('-', '_')}\n`);
    }
    log.command(action);
    return fromResult(await actOnCartridge(node, namedCartridgeCall(named, action, args)));
  });
}

function unsupported(output: string): Performed {
  return { exitcode: 127, output, addtl: null, failed: true };
}

function fromResult(result: { output: unknown; exitCode: number }): Performed {
  return { exitcode: result.exitCode, output: result.output, addtl: null, failed: false };
}

async function guarded(node: Node, call: Call, work: () => Promise<Performed>): Promise<Performed> {
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const expected = error instanceof OoError;
    node.log[expected ? 'warn' : 'error']('action failed', {
      action: call.action,
      cartridge: call.cartridge,
      error,
      ...(expected ? { code: error.code, gear: error.gear, step: error.step } : {}),
    });
    return { exitcode: expected ? error.exitCode : 127, output: `${message}\n`, addtl: null, failed: true };
  }
}

export function asText(output: unknown): string {
  if (typeof output === 'string') return output;
  return output === null || output === undefined ? '' : `${JSON.stringify(output)}\n`;
}
