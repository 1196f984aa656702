// What a client meets at the front door: real HTTP and WebSocket through a real HAProxy to real listeners.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { connect } from 'node:net';
import t from 'tap';
import { freePort, makeDoor } from './front-door.js';

const here = await makeDoor();
t.teardown(() => here.remove());
await here.start();

async function app(name: string, host: string): Promise<{ server: Server; target: string }> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ name, url: request.url, headers: request.headers, raw: request.rawHeaders }),
    );
  });
  server.on('upgrade', (request, socket) => {
    const key = request.headers['sec-websocket-key'] ?? '';
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    // A client's frame is masked: unmask a short text frame and send it back.
    socket.on('data', (frame: Buffer) => {
      const length = frame[1]! & 0x7f;
      const mask = frame.subarray(2, 6);
      const text = Buffer.from(frame.subarray(6, 6 + length).map((byte, n) => byte ^ mask[n % 4]!));
      socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, target: `${host}:${(server.address() as { port: number }).port}` };
}

interface Answer {
  status: number;
  head: string;
  body: string;
}
/** Send bytes as they are and read until the other side closes. */
function raw(text: string, port = here.port): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(answers(Buffer.concat(chunks).toString())));
  });
}
function answers(text: string): Answer[] {
  const found: Answer[] = [];
  let rest = text;
  while (rest.startsWith('HTTP/')) {
    const end = rest.indexOf('\r\n\r\n');
    const head = rest.slice(0, end);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    const chunked = /^transfer-encoding: chunked/im.test(head);
    const body = rest.slice(end + 4, chunked ? undefined : end + 4 + length);
    found.push({ status: Number(head.split(' ')[1]), head, body });
    rest = chunked ? '' : rest.slice(end + 4 + length);
  }
  return found;
}
const get = async (host: string, extra = ''): Promise<Answer> =>
  (await raw(`GET /x HTTP/1.1\r\nHost: ${host}\r\n${extra}Connection: close\r\n\r\n`))[0]!;
const seen = (answer: Answer): { name: string; headers: IncomingHttpHeaders; raw: string[] } =>
  JSON.parse(answer.body);

const one = await app('one', '127.0.0.1');
const two = await app('two', '127.0.0.2');
await here.map.set('one-demo.example.com', one.target);
await here.map.set('two-demo.example.com', two.target);

await t.test('the Host header decides, whatever its case, port or trailing dot', async (t) => {
  for (const host of [
    'one-demo.example.com',
    'ONE-Demo.Example.COM',
    'one-demo.example.com:8000',
    'one-demo.example.com.',
    'one-demo.example.com.:80',
  ]) {
    t.equal(seen(await get(host)).name, 'one', host);
  }
  t.equal(seen(await get('two-demo.example.com')).name, 'two');
});

await t.test('an unknown host gets the own 404 page, a stopped application the own 503 page', async (t) => {
  for (const host of [
    'nobody.example.com',
    '',
    'xone-demo.example.com',
    'one-demo.example.com.evil.test',
    '127.0.0.1',
    '[::1]:80',
  ]) {
    const answer = await get(host);
    t.equal(answer.status, 404, host);
    t.match(answer.body, /No such application/);
  }
  t.equal((await raw('GET / HTTP/1.0\r\n\r\n'))[0]!.status, 404, 'no Host at all');
  await here.map.set('down-demo.example.com', `127.0.0.3:${await freePort('127.0.0.3')}`);
  const down = await get('down-demo.example.com');
  t.equal(down.status, 503);
  t.match(down.body, /Application not available/);
  t.ok(down.body.length < 400 && down.body.length > 50);
});

await t.test("forwarding headers are the door's own; what the client sent of them is dropped", async (t) => {
  const { headers, raw: list } = seen(
    await get(
      'one-demo.example.com',
      [
        'X-Forwarded-For: 10.9.8.7',
        'x-forwarded-for: 10.9.8.6',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Host: evil.test',
        'X-Forwarded-Port: 443',
        'X_Forwarded_For: 10.9.8.5',
        'X-FORWARDED-SSL-Client-Cert: x',
        'Forwarded: for=10.9.8.4',
        'X-Real-IP: 10.9.8.3',
        'X-Client-IP: 1.1.1.1',
        'Proxy: http://evil.test',
        'Accept: kept',
        '',
      ].join('\r\n'),
    ),
  );
  t.equal(headers['x-forwarded-for'], '127.0.0.1');
  t.equal(headers['x-forwarded-proto'], 'http');
  t.equal(headers['x-forwarded-host'], 'one-demo.example.com');
  t.equal(headers['host'], 'one-demo.example.com');
  t.equal(headers['accept'], 'kept');
  t.notMatch(list.join(' '), /10\.9\.8|evil|1\.1\.1\.1|ssl-client|forwarded-port/i);
  const named = seen(await get('one-demo.example.com', 'Connection: X-Forwarded-For, X-Forwarded-Host\r\n'));
  t.notMatch(
    String(named.headers['connection']),
    /forwarded/i,
    'a Connection header cannot name ours for removal',
  );
});

await t.test('one kept connection serves requests for different hosts, each to its own', async (t) => {
  const request = (host: string, last = false): string =>
    `GET / HTTP/1.1\r\nHost: ${host}\r\n${last ? 'Connection: close\r\n' : ''}\r\n`;
  const hosts = [
    'one-demo.example.com',
    'two-demo.example.com',
    'one-demo.example.com',
    'two-demo.example.com',
  ];
  const got = await raw(hosts.map((host, n) => request(host, n === 3)).join(''));
  t.same(
    got.map((answer) => seen(answer).name),
    ['one', 'two', 'one', 'two'],
  );
  const more = await Promise.all(
    Array.from({ length: 60 }, (_, n) => get(n % 2 ? 'one-demo.example.com' : 'two-demo.example.com')),
  );
  t.ok(
    more.every((answer, n) => seen(answer).name === (n % 2 ? 'one' : 'two')),
    'idle connections are never mixed up',
  );
});

await t.test('a WebSocket is upgraded and carries frames both ways; no other upgrade passes', async (t) => {
  const socket = connect(here.port, '127.0.0.1');
  const key = Buffer.from('the sample nonce').toString('base64');
  socket.write(
    `GET /chat HTTP/1.1\r\nHost: one-demo.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  t.match(head.toString(), /^HTTP\/1\.1 101 /);
  t.match(head.toString(), /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
  const mask = Buffer.from([1, 2, 3, 4]);
  const text = Buffer.from('hello gear');
  socket.write(
    Buffer.concat([
      Buffer.from([0x81, 0x80 | text.length]),
      mask,
      Buffer.from(text.map((byte, n) => byte ^ mask[n % 4]!)),
    ]),
  );
  const [frame] = (await once(socket, 'data')) as [Buffer];
  t.equal(frame.subarray(2).toString(), 'hello gear');
  socket.destroy();
  const h2c = await get(
    'one-demo.example.com',
    'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n',
  );
  t.equal(h2c.status, 200);
  t.equal(seen(h2c).headers['upgrade'], undefined);
  t.equal(seen(h2c).headers['http2-settings'], undefined);
});

await t.test('requests that two readers could read in two ways are refused', async (t) => {
  const cases: Record<string, string> = {
    'two lengths':
      'POST / HTTP/1.1\r\nHost: one-demo.example.com\r\nContent-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello!',
    'two hosts':
      'GET / HTTP/1.1\r\nHost: one-demo.example.com\r\nHost: two-demo.example.com\r\nConnection: close\r\n\r\n',
    'folded name': 'GET / HTTP/1.1\r\nHost: one-demo.example.com\r\nX-A : b\r\nConnection: close\r\n\r\n',
    'NUL in a value':
      'GET / HTTP/1.1\r\nHost: one-demo.example.com\r\nX-A: a\0b\r\nConnection: close\r\n\r\n',
    'target and Host differ':
      'GET http://two-demo.example.com/ HTTP/1.1\r\nHost: one-demo.example.com\r\nConnection: close\r\n\r\n',
  };
  for (const [name, text] of Object.entries(cases)) t.equal((await raw(text))[0]?.status, 400, name);
  const both = await raw(
    'POST / HTTP/1.1\r\nHost: one-demo.example.com\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: two-demo.example.com\r\nConnection: close\r\n\r\n',
  );
  t.ok(
    both.length <= 1,
    'a request with both a length and chunks ends the connection: the rest is never a second request',
  );
});
