/**
 * What the tests of public ports do inside a host, as one program: `expose COUNT` makes gears and exposes all their
 * ports, `serve` answers at every target (and at one address that nobody exposes) with its own name, `visit` connects to
 * each `ADDRESS:PORT` of standard input's JSON list and prints what was said there.
 */
import { createConnection, createServer } from 'node:net';
import { once } from 'node:events';
import { json } from 'node:stream/consumers';
import { loopbackAddress } from '../../../src/gear/identity.js';
import { desiredForwards } from '../../../src/gear/port-folder.js';
import { exposePorts } from '../../../src/gear/ports.js';
import { openNode } from '../../../src/node/node.js';
import { createGear } from '../../../src/operations/create.js';
import '../../../src/operations/all.js';

/** On an address of 127/8, exposed by nobody. */
const SECRET = '127.0.253.190:9999';
const PATIENCE = 1500;

async function expose(count: number): Promise<void> {
  const node = await openNode();
  for (let number = 0; number < count; number += 1) {
    const uuid = `gear${number}`;
    const uid = 507 + number;
    await createGear(node, { uuid, uid, appName: `app${number}`, namespace: 'demo' });
    const wanted = [1, 2, 3, 4, 5].map((host) => ({
      variable: `OPENSHIFT_TEST_PORT_${host}`,
      target: `${loopbackAddress(uid, host)}:8080`,
    }));
    await exposePorts(node, { uuid, uid }, wanted);
  }
  process.stdout.write(JSON.stringify([...(await desiredForwards(node))]));
}

async function serve(): Promise<void> {
  const targets = new Set([...(await desiredForwards(await openNode())).values(), SECRET]);
  for (const target of targets) {
    const [address, port] = target.split(':');
    const server = createServer((socket) => void socket.on('error', () => undefined).end(target));
    server.listen(Number(port), address);
    await once(server, 'listening');
  }
  process.stdout.write('ready\n');
  process.stdin.resume().on('end', () => process.exit(0));
}

function visit(place: string): Promise<readonly [string, string]> {
  const [host, port] = place.split(':');
  return new Promise((resolve) => {
    const socket = createConnection({ host, port: Number(port) });
    let said = '';
    socket.setEncoding('utf8').on('data', (text: string) => (said += text));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve([place, error.code ?? 'error']));
    socket.on('end', () => resolve([place, said]));
    socket.setTimeout(PATIENCE, () => {
      resolve([place, said === '' ? 'ETIMEDOUT' : said]);
      socket.destroy();
    });
  });
}

const [order, count] = process.argv.slice(2);
if (order === 'expose') await expose(Number(count));
else if (order === 'serve') await serve();
else {
  const places = (await json(process.stdin)) as readonly string[];
  process.stdout.write(JSON.stringify(await Promise.all(places.map(visit))));
}
