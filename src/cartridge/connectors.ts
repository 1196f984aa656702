/**
 * Which answer a cartridge in a gear has for a connection hook. The manifest drives it: a hook counts when it stands in
 * Publishes or Subscribes, or is a script `hooks/NAME` of the cartridge. The script wins; without one the node itself
 * answers what every cartridge would answer alike. Invariant: a cartridge without that hook answers nothing and
 * succeeds; only a subscriber may leave services running.
 */
import type { Gear } from '../gear/gear.js';
import { readEnvironment } from '../gear/environment.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import { HookFailure, hookFailure } from './hook-failure.js';
import { hasScript, runScript } from './hooks.js';
import type { Cartridge } from './installed.js';
import { checkedOutput } from './output.js';

export type Answer =
  | { readonly kind: 'script'; readonly keep: boolean }
  | { readonly kind: 'says'; readonly text: (node: Node, gear: Gear, cartridge: Cartridge) => string }
  /** Takes what a database published into the gear's environment. */
  | { readonly kind: 'variables' }
  | { readonly kind: 'nothing' };

const NOTHING: Answer = { kind: 'nothing' };

/** By name and type of the connection. */
const builtIn: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  ['publish-http-url NET_TCP:httpd-proxy-info', { kind: 'says', text: httpUrl }],
  ['publish-gear-endpoint NET_TCP:gear-endpoint-info', { kind: 'says', text: gearEndpoint }],
  ['set-db-connection-info NET_TCP:db:connection-info', { kind: 'variables' }],
]);

export function isSubscriber({ manifest }: Cartridge, hook: string): boolean {
  return Object.hasOwn(manifest.subscribes, hook);
}

export function answerOf(cartridge: Cartridge, hook: string): Answer {
  if (!/^[a-z0-9][-_a-z0-9]{0,63}$/i.test(hook)) return NOTHING;
  const subscribes = isSubscriber(cartridge, hook);
  if (hasScript(cartridge, `hooks/${hook}`)) return { kind: 'script', keep: subscribes };
  const { manifest } = cartridge;
  const declared = subscribes
    ? manifest.subscribes[hook]
    : Object.hasOwn(manifest.publishes, hook)
      ? manifest.publishes[hook]
      : undefined;
  return builtIn.get(`${hook} ${declared?.type ?? ''}`) ?? NOTHING;
}

/** `DNS|IP:PORT`: where the proxy of the application reaches the web server of this gear. */
function httpUrl(node: Node, gear: Gear, { manifest, directory }: Cartridge): string {
  const endpoints = manifest.endpoints.filter(({ publicPortVariable }) => publicPortVariable !== undefined);
  const front = endpoints.find(({ mappings }) => mappings.some(({ frontend }) => frontend === ''));
  const variable = (front ?? endpoints[0])?.publicPortVariable;
  const port = variable === undefined ? undefined : readEnvironment(gear)[variable];
  if (port === undefined || !/^\d{1,5}$/.test(port)) {
    throw new OoError(
      `The port of cartridge ${directory} in gear ${gear.uuid} is not exposed, so there is no URL to publish. Nothing was done; run its expose-port first.`,
      { code: 'ERR_NOT_EXPOSED', exitCode: 1, gear: gear.uuid },
    );
  }
  return `${gear.dns}|${node.config.publicIp}:${port}\n`;
}

/** `UUID@IP:FOLDER;DNS`: where the head gear sends the application's code. */
function gearEndpoint(node: Node, gear: Gear, { directory }: Cartridge): string {
  return `${gear.uuid}@${node.config.publicIp}:${directory};${gear.dns}\n`;
}

/** Runs `hooks/HOOK` in the gear and hands back what is for the broker. */
export async function runConnector(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  hook: string,
  args: readonly string[],
  keep: boolean,
): Promise<string> {
  const result = await runScript(node, gear, cartridge, 'connector', `hooks/${hook}`, { args, keep });
  if (result === undefined) return '';
  if (result.exitCode === 0 && !result.timedOut)
    return checkedOutput('connector', result.stdout, result.truncated);
  const failure = hookFailure(`Control action '${hook}'`, gear.uuid, result);
  const what = `Control action '${hook}' returned an error. rc=${failure.exitCode}`;
  throw new HookFailure(failure.message, {
    exitCode: failure.exitCode,
    gear: gear.uuid,
    step: hook,
    output: `${what}\n${failure.output}`,
  });
}
