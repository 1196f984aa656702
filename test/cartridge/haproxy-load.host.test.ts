/**
 * No request is lost while the proxy of a head gear is reloaded, restarted, and gears come and go: clients that keep
 * their connection and clients that do not, GET and POST, through the front door to real PHP.
 */
import { Agent, request } from 'node:http';
import t from 'tap';
import { launchGroups } from '../../src/cartridge/services.js';
import { restartGear } from '../../src/operations/start.js';
import { act, asHead, HEAD, member, must, nowSynced, scaledHead, servers, setProxy } from './scaled-head.js';

t.setTimeout(300_000);

const scaled = await scaledHead();
const { node, head } = scaled;
const headArgs = { uuid: HEAD, name: 'sphpapp' };
await must(act(node, 'embedded/haproxy-1.4', 'configure', headArgs));
const one = await member(node, 'f81fb70064064a35a9a25169481d490b');
const two = await member(node, 'acc082fd449e4a2eaca2868149f76a67');

interface Load {
  requests: number;
  readonly failed: string[];
}

/** One request after the other until told to end; what is not a 200 with the right body is written down. */
async function client(load: Load, agent: Agent | false, method: string, going: () => boolean): Promise<void> {
  while (going()) {
    const said = await new Promise<string>((resolve) => {
      const asked = request(
        { host: '127.0.0.1', port: 80, path: '/health.php', method, agent, headers: { host: head.dns } },
        (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (body += chunk));
          response.on('end', () => resolve(`${response.statusCode} ${body.trim()}`));
          response.on('error', (error) => resolve(`broken off: ${error.message}`));
        },
      );
      asked.on('error', (error) => resolve(`no answer: ${error.message}`));
      asked.end(method === 'POST' ? 'some=data' : undefined);
    });
    load.requests += 1;
    if (said !== '200 1') load.failed.push(`${method} ${agent === false ? 'close' : 'keep'}: ${said}`);
  }
}

/** Runs `work` under load, and goes on until `least` requests were made. */
async function under(least: number, work: () => Promise<void>): Promise<Load> {
  const load: Load = { requests: 0, failed: [] };
  let working = true;
  const going = (): boolean => working || load.requests < least;
  const agents = [new Agent({ keepAlive: true }), false] as const;
  const clients = agents.flatMap((agent) =>
    ['GET', 'GET', 'GET', 'POST'].map((method) => client(load, agent, method, going)),
  );
  await work().finally(() => (working = false));
  await Promise.all(clients);
  agents[0].destroy();
  return load;
}

await setProxy(node, [one.item, two.item]);
await nowSynced(scaled, one, two);

await t.test('50 reloads, one after another', async (t) => {
  const load = await under(20_000, async () => {
    for (let n = 0; n < 50; n += 1) await must(act(node, 'haproxy-1.4', 'reload', headArgs));
  });
  t.same(load.failed, []);
  t.ok(load.requests >= 20_000, `${load.requests} requests`);
  t.ok(launchGroups(node, head).length < 8, 'a process that has ended leaves no group behind');
});

await t.test('restarts of the proxy, of the whole head gear, reloads of its PHP', async (t) => {
  const load = await under(3000, async () => {
    for (let n = 0; n < 5; n += 1) {
      await must(act(node, 'haproxy-1.4', 'restart', headArgs));
      await must(act(node, 'php-5.3', 'reload', headArgs));
      t.equal((await restartGear(node, { uuid: HEAD })).exitCode, 0);
    }
  });
  t.same(load.failed, []);
  t.comment(`${load.requests} requests`);
});

await t.test('gears go and come, are taken out, stopped, started and put in', async (t) => {
  const load = await under(3000, async () => {
    for (let n = 0; n < 3; n += 1) {
      await setProxy(node, [two.item]);
      await setProxy(node, [one.item, two.item]);
      await must(asHead(scaled, `take_out ${one.gear.uuid}`));
      await must(act(node, 'php-5.3', 'stop', { uuid: one.gear.uuid, name: one.gear.name }));
      await must(act(node, 'php-5.3', 'start', { uuid: one.gear.uuid, name: one.gear.name }));
      await must(asHead(scaled, `put_in ${one.gear.uuid}`));
    }
  });
  t.same(load.failed, []);
  t.match(await servers(scaled), { [`gear-${one.gear.dns.split('.')[0]}`]: /^UP/ });
});

await t.test('the proxy comes and goes, and alone with its own server that server may restart', async (t) => {
  await setProxy(node, []);
  const load = await under(3000, async () => {
    await must(act(node, 'haproxy-1.4', 'deconfigure', headArgs));
    await must(act(node, 'embedded/haproxy-1.4', 'configure', headArgs));
  });
  t.same(load.failed, []);
  const restarted = await under(1000, async () => {
    await must(asHead(scaled, 'take_out local'));
    await must(act(node, 'php-5.3', 'restart', headArgs));
    await must(asHead(scaled, 'put_in local'));
  });
  // A request that PHP was working on when it was stopped is not repeated if it is a POST.
  t.same(
    restarted.failed.filter((line) => line.startsWith('GET')),
    [],
  );
});
