/** Whether somebody still talks to an address and port, seen in the kernel's own table with real sockets. */
import t from 'tap';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyConnection } from '../../src/host/tcp-connections.js';

async function listening(host: string): Promise<{ server: Server; port: number; accepted: Socket[] }> {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    accepted.push(socket.on('error', () => {})),
  );
  server.listen(0, host);
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, accepted };
}

async function comesTo(wanted: boolean, target: string): Promise<boolean> {
  for (let look = 0; look < 100; look += 1) {
    if ((await anyConnection([target])) === wanted) return true;
    await sleep(20);
  }
  return false;
}

for (const [what, host] of [
  ['IPv4', '127.0.0.1'],
  ['IPv6 that takes IPv4 too', '::'],
] as const) {
  const skip = host === '::' && !existsSync('/proc/net/tcp6') ? 'this kernel has no IPv6' : false;
  t.test(`a server of ${what}`, { skip }, async (t) => {
    const { server, port, accepted } = await listening(host);
    const target = `127.0.0.1:${port}`;
    t.notOk(await anyConnection([target]), 'one who only listens talks to nobody');
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await once(client, 'connect');
    t.ok(await anyConnection([target]));
    t.ok(await anyConnection(['127.0.0.1:1', target]), 'one of several is enough');
    t.notOk(await anyConnection([`127.0.0.2:${port}`]), 'another address is not it');
    client.end();
    await sleep(50);
    t.ok(await anyConnection([target]), 'a client that has asked and waits counts');
    accepted[0]?.end('answer');
    client.resume();
    t.ok(await comesTo(false, target), 'until it has its answer');
    server.close();
  });
}

t.test('nothing at all is no connection', async (t) => {
  t.notOk(await anyConnection([]));
});
