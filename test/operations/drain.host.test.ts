/**
 * A gear that is destroyed while it answers: the request that runs gets its whole answer from the real web server, a new
 * one is refused at once, and a gear that does not come to an end is not waited for without end.
 */
import t from 'tap';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { openNode, type Node } from '../../src/node/node.js';
import { destroyGear } from '../../src/operations/destroy.js';
import { act, cartridgeNode, emptyGear, uuid } from '../cartridge/cartridge-node.js';

t.setTimeout(300_000);
const first = await cartridgeNode();
const PORT = 35_566;
const own = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
if (own === undefined) throw new Error('this test needs a host with an address (--address)');
const host = own;

/** A page that takes its time, in the middle of its body. */
const slow = (seconds: number): string =>
  `<?php echo str_repeat('a', 100000); flush(); sleep(${seconds}); echo str_repeat('b', 100000), 'end';`;

async function serving(node: Node, seconds: number): Promise<void> {
  const { home } = await emptyGear(node);
  await act(node, 'php-5.3', 'configure');
  await act(node, 'php-5.3', 'expose-port');
  writeFileSync(`${home}/app-root/runtime/repo/slow.php`, slow(seconds));
}

function page(path: string): { readonly begun: Promise<unknown>; readonly body: Promise<string> } {
  const asked = request({ host, port: PORT, path, agent: false });
  const begun = once(asked, 'response');
  const body = begun.then(async ([response]) => {
    let text = '';
    for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
    return text;
  });
  asked.end();
  return { begun, body: body.catch((error: NodeJS.ErrnoException) => error.code ?? 'cut') };
}

async function refusal(): Promise<string> {
  const socket = connect({ host, port: PORT });
  const [error] = (await once(socket, 'error').catch((thrown: unknown) => [thrown])) as [
    NodeJS.ErrnoException,
  ];
  return error.code ?? '';
}

const since = (start: number): number => performance.now() - start;
const log = (): string => readFileSync('/var/log/openshift/node/platform.log', 'utf8');

await t.test('a request that runs gets its whole answer, a new one is refused at once', async (t) => {
  await serving(first, 2);
  const running = [page('/slow.php'), page('/slow.php'), page('/slow.php')];
  await Promise.all(running.map(({ begun }) => begun));
  const start = performance.now();
  const destroyed = destroyGear(first, { uuid }).then(() => since(start));
  await sleep(300);
  const asked = performance.now();
  t.equal(await refusal(), 'ECONNREFUSED');
  t.ok(since(asked) < 200, 'at once');
  t.same(readdirSync(first.paths.ports), [String(PORT)], 'the port is still its own');
  for (const { body } of running) {
    const text = await body;
    t.equal(text.length, 200_003);
    t.ok(text.endsWith('end'));
  }
  const took = await destroyed;
  t.ok(took > 1500 && took < 9000, `and then the gear goes (${Math.round(took)} ms)`);
  t.same([...(await first.forwarding.list())], []);
  t.same(readdirSync(first.paths.ports), []);
});

await t.test('what only comes by the gear’s own address ends too', async (t) => {
  await serving(first, 2);
  const asked = request({ host: '127.0.253.129', port: 8080, path: '/slow.php', agent: false });
  const response = once(asked, 'response');
  asked.end();
  await response;
  const start = performance.now();
  await destroyGear(first, { uuid });
  t.ok(since(start) > 1000);
});

await t.test('what does not end is waited for as long as node.conf says', async (t) => {
  appendFileSync('/etc/openshift/node.conf', 'DRAIN_TIMEOUT=1\n');
  const node = await openNode();
  t.equal(node.config.drainTimeout, 1000);
  await serving(node, 30);
  const { begun, body } = page('/slow.php');
  await begun;
  const start = performance.now();
  await destroyGear(node, { uuid });
  t.ok(since(start) >= 1000 && since(start) < 9000, `${Math.round(since(start))} ms`);
  t.not(await body, '', 'it is cut off');
  t.match(log(), /requests were still running and are cut off/);
});

await t.test('nothing is waited for without hooks', async (t) => {
  await serving(first, 30);
  const { begun, body } = page('/slow.php');
  await begun;
  const start = performance.now();
  await destroyGear(first, { uuid, skipHooks: true });
  t.ok(since(start) < 5000, `${Math.round(since(start))} ms`);
  await body;
});

await t.test('a gear without a port is not waited for', async (t) => {
  await emptyGear(first);
  await act(first, 'php-5.3', 'configure');
  const idle: Socket = connect({ host: '127.0.253.129', port: 8080 });
  await once(idle, 'connect');
  idle.on('error', () => undefined);
  const start = performance.now();
  await destroyGear(first, { uuid });
  t.ok(since(start) < 5000, `${Math.round(since(start))} ms`);
  idle.destroy();
});
