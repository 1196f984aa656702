// The load generator itself, against a server of which each answer is known: what it must count as a failure, it does.
import t from 'tap';
import { spawn } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { LoadOptions } from './load.js';
import type { LoadReport } from './tally.js';

const gear = 'f81fb70064064a35a9a25169481d490b';
const whole = `v1 ${gear}\n`;
type Answer = (response: ServerResponse, number: number) => void;

async function load(answer: Answer, options: Partial<LoadOptions>): Promise<LoadReport> {
  let number = 0;
  const server = createServer((_, response) => answer(response, (number += 1)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const where = { address: '127.0.0.1', port, host: 'app.example.com', path: '/' };
  const given: LoadOptions = { ...where, workers: 4, most: 100, seconds: 20, patience: 300, ...options };
  const program = fileURLToPath(new URL('load.js', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(given)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await new Promise((resolve) => child.once('close', resolve));
  server.closeAllConnections();
  server.close();
  return JSON.parse(said.trimEnd().split('\n').at(-1) ?? '') as LoadReport;
}

t.test('whole answers are counted by gear and version, each request once', async (t) => {
  const asked = Date.now();
  const { answered, failed, seen, ended, milliseconds } = await load(
    (response, number) => response.end(number <= 40 ? whole : whole.replace('v1', 'v2')),
    {},
  );
  t.equal(answered, 100);
  t.same(failed, {});
  t.ok(ended);
  t.equal(seen[gear]?.['v1']?.count, 40);
  t.equal(seen[gear]?.['v2']?.count, 60);
  t.ok((seen[gear]?.['v1']?.lastAsked ?? 0) >= asked && (seen[gear]?.['v1']?.lastAsked ?? 0) <= Date.now());
  t.ok(milliseconds.longest < 10_000);
});

t.test('what is no whole, right answer is a failure of its kind', async (t) => {
  const kinds: Record<string, Answer> = {
    'status 503': (response) => response.writeHead(503).end('No server is available'),
    body: (response) => response.end('v1 ???\n'),
    TIMEOUT: (response) => response.write(whole),
    ECONNRESET: (response) => response.socket?.destroy(),
  };
  for (const [kind, answer] of Object.entries(kinds)) {
    const { answered, failed, failures } = await load(
      (response, number) => (number === 7 ? answer(response, number) : response.end(whole)),
      { most: 20 },
    );
    t.same(failed, { [kind]: 1 }, failures.join('\n'));
    t.equal(answered, 19);
  }
  const { failed } = await load(
    (response) => {
      response.writeHead(200, { 'content-length': 1000 }).write(whole);
      setTimeout(() => response.socket?.destroy(), 20);
    },
    { most: 2 },
  );
  t.same(failed, { ECONNRESET: 2 }, 'a body that ends early');
});

t.test('it ends in time, whatever the server does', async (t) => {
  const began = Date.now();
  const { answered, ended } = await load((response) => void setTimeout(() => response.end(whole), 20), {
    most: 1e9,
    seconds: 1,
  });
  t.ok(ended && answered > 0);
  t.ok(Date.now() - began < 10_000);
});
