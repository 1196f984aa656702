/**
 * A node with the head gear of a scaled application (PHP and HAProxy) and further PHP gears, their ports exposed, all by
 * the actions a broker calls. Nothing here is a stand-in.
 */
import { callAction } from '../../src/actions/call.js';
import { executeInGear } from '../../src/gear/execute.js';
import { openGear, type Gear } from '../../src/gear/gear.js';
import { readEnvironment } from '../../src/gear/environment.js';
import type { Node } from '../../src/node/node.js';
import { seedNode } from '../seed/seed-node.js';

export const ADDRESS = '192.168.59.144';
export const HEAD = '16f54529c1fa436981fce29b0499c0b6';
const DUMMY = 'openshift-origin-node';

export interface Answer {
  readonly code: number;
  readonly output: string;
}

export interface Scaled {
  readonly node: Node;
  readonly head: Gear;
}

/** An action of a cartridge (with the gear's name and uuid) or of the node (with named arguments). */
export async function act(
  node: Node,
  cartridge: string,
  action: string,
  args: Readonly<Record<string, string>> | { readonly uuid: string; readonly name: string },
): Promise<Answer> {
  const positional = 'uuid' in args && 'name' in args ? `'${args.name}' 'demo' '${args.uuid}'` : args;
  const reply = await callAction(node, 'cartridge_do', { cartridge, action, args: positional });
  return { code: reply.exitcode ?? -1, output: String(reply.output ?? '') };
}

export async function must(answer: Promise<Answer>): Promise<string> {
  const { code, output } = await answer;
  if (code !== 0) throw new Error(`exit code ${code}:\n${output}`);
  return output;
}

/** A connection hook by its exact argument string, and what came back of it. */
export async function connector(
  node: Node,
  uuid: string,
  cartridge: string,
  hook: string,
  input: string,
): Promise<Answer> {
  const args = { '--hook-name': hook, '--cart-name': cartridge, '--gear-uuid': uuid, '--input-args': input };
  const job = { tag: '', job: { cartridge: DUMMY, action: 'connector-execute', args }, gear: uuid };
  const reply = await callAction(node, 'execute_parallel', { 'broker.test.example.com': [job] });
  const [done] = reply.output as readonly { result_exit_code: number; result_stdout: string }[];
  if (done === undefined) throw new Error(`no job came back: ${JSON.stringify(reply)}`);
  return { code: done.result_exit_code, output: done.result_stdout };
}

/** A word as the broker escapes it, newlines included. */
export function escaped(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_\-.,:/@\n]/g, '\\$&').replaceAll('\n', "'\n'");
}

export function setProxy(node: Node, items: readonly string[]): Promise<Answer> {
  const input = `sphpapp demo ${HEAD} ${escaped(items.join(' '))}`;
  return connector(node, HEAD, 'haproxy-1.4', 'set-proxy', input);
}

export function item(uuid: string, dns: string, endpoint: string): string {
  return `'${uuid}'='${dns}|${endpoint}\n'`;
}

async function create(node: Node, uuid: string, name: string): Promise<Gear> {
  await must(
    act(node, DUMMY, 'app-create', {
      '--with-container-name': name,
      '--with-app-name': 'sphpapp',
      '--with-container-uuid': uuid,
      '--with-app-uuid': HEAD,
      '--with-namespace': 'demo',
    }),
  );
  return openGear(node, uuid);
}

/** The head gear with PHP, exposed; HAProxy is the test's own step. */
export async function scaledHead(): Promise<Scaled> {
  const node = await seedNode([`--public-ip=${ADDRESS}`]);
  const head = await create(node, HEAD, 'sphpapp');
  await must(act(node, 'php-5.3', 'configure', { uuid: HEAD, name: 'sphpapp' }));
  await must(act(node, 'php-5.3', 'expose-port', { uuid: HEAD, name: 'sphpapp' }));
  return { node, head };
}

export interface Member {
  readonly gear: Gear;
  readonly item: string;
}

/** One more PHP gear; `item` is what set-proxy is told of it. */
export async function member(node: Node, uuid: string): Promise<Member> {
  const gear = await create(node, uuid, uuid.slice(0, 10));
  await must(act(node, 'php-5.3', 'configure', { uuid, name: gear.name }));
  await must(act(node, 'php-5.3', 'expose-port', { uuid, name: gear.name }));
  const port = readEnvironment(gear)['OPENSHIFT_PHP_PROXY_PORT'] ?? '';
  return { gear, item: item(uuid, gear.dns, `${ADDRESS}:${port}`) };
}

/** As the head gear, in its confinement and in the proxy's folder: what its own scripts can do. */
export async function asHead({ node, head }: Scaled, script: string): Promise<Answer> {
  const { stdout, stderr, exitCode } = await executeInGear(node, head, {
    file: '/bin/bash',
    argv: ['bash', '-c', `cd haproxy-1.4 && source lib/haproxy && find_haproxy || exit 1\n${script}`],
    env: { OPENSHIFT_CARTRIDGE_SDK_BASH: `${node.config.libexecDir}/cartridges/sdk/bash/sdk` },
    keep: true,
  });
  return { code: exitCode ?? -1, output: stdout.toString() + stderr.toString() };
}

/** Says that the code of these gears has come, as a synchronization that succeeded does. */
export async function nowSynced(scaled: Scaled, ...members: readonly Member[]): Promise<void> {
  const lines = members.map(({ gear }) => `${gear.uuid}@${ADDRESS}:php-5.3;${gear.dns}`).join('\n');
  const script = `printf '%s\\n' '${lines}' | with_lists replace_file "$registry" && cond_reload`;
  await must(asHead(scaled, script));
}

/** `server -> status` of the proxy's own table. */
export async function servers(scaled: Scaled): Promise<Readonly<Record<string, string>>> {
  const table = await must(asHead(scaled, 'say "show stat"'));
  const rows = table.split('\n').map((line) => line.split(','));
  return Object.fromEntries(
    rows
      .filter(([proxy, name]) => proxy === 'express' && name !== 'FRONTEND' && name !== 'BACKEND')
      .map((row) => [row[1] ?? '', row[17] ?? '']),
  );
}
