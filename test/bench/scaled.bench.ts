/**
 * The seed's scaled application against the clock: its requests, sent by the broker for tests to a node on a disk, with
 * the seed's own time stamps beside ours for the same steps. What the cartridges' own software takes to start (Apache,
 * HAProxy, MariaDB, its data directory, the SSH key) is measured by itself in the same gears, printed, and taken out.
 * The seed's stamps are whole seconds: where one could be a second more or less, the smaller span counts.
 */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { openCartridge } from '../../src/cartridge/installed.js';
import { controlCartridge } from '../../src/cartridge/control.js';
import { openGear } from '../../src/gear/gear.js';
import type { Application, Kind } from '../scaled/broker/application.js';
import { Broker } from '../scaled/broker/broker.js';
import { inProcess } from '../scaled/broker/node.js';
import type { Sent } from '../scaled/broker/sender.js';
import { describe } from '../scaled/seed-follower.js';
import { seedAuth, seedKey, seedUuids } from '../scaled/seed-values.js';
import { seedNode } from '../seed/seed-node.js';
import { scaledExchanges, seedText } from '../seed/seed-text.js';

const execute = promisify(execFile);
const rounds = Number(process.argv[2] ?? '5');
const AIM = 8;
const node = await seedNode(['--public-ip=192.168.59.144']);
const seed = scaledExchanges(seedText());

interface Step {
  readonly what: string;
  /** Seconds since 1970 of the seed's request. */
  readonly time: number;
}
const steps: readonly Step[] = seed.map(({ request }) => ({ what: describe(request), time: request.time }));

function stepAt(what: string): Step {
  const found = steps.find((step) => step.what.startsWith(what));
  if (found === undefined) throw new Error(`the seed has no ${what}`);
  return found;
}

/** The last date that a reply of the seed tells: HAProxy is reloaded with both gears in it. */
function lastDate(): number {
  const dates = seed.flatMap(({ output = '' }) => [
    ...output.matchAll(/^[A-Z][a-z]{2} ([A-Z][a-z]{2} \d+) ([\d:]+ [A-Z]+) (\d{4}): /gm),
  ]);
  const [, day = '', time = '', year = ''] = dates.at(-1) ?? [];
  return Date.parse(`${day} ${year} ${time}`) / 1000;
}

const database = seedUuids()[2]?.slice(0, 10) ?? '';
const spans = {
  'first request to both gears serving': lastDate() - (steps[0]?.time ?? 0),
  'add the database': stepAt('set-db-connection-info').time - stepAt(`app-create ${database}`).time,
} as const;
type Span = keyof typeof spans;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function startOf(app: Application, kind: Kind, cartridge: string): Promise<number> {
  const uuid = app.gears.find((gear) => gear.kind === kind)?.uuid ?? '';
  const gear = openGear(node, uuid);
  const opened = openCartridge(gear, cartridge);
  await controlCartridge(node, gear, opened, 'stop');
  return timed(() => controlCartridge(node, gear, opened, 'start'));
}

async function keyGeneration(): Promise<number> {
  const file = '/root/bench-key';
  const argv = ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', file];
  const time = await timed(() => execute('/usr/bin/ssh-keygen', argv));
  for (const path of [file, `${file}.pub`]) rmSync(path);
  return time;
}

async function dataDirectory(): Promise<number> {
  const folder = '/root/bench-data';
  const argv = ['--no-defaults', `--datadir=${folder}`, '--user=root', '--force', '--skip-test-db'];
  const time = await timed(() => execute('/usr/bin/mariadb-install-db', argv));
  rmSync(folder, { recursive: true });
  return time;
}

/** What the software of each span's cartridges takes by itself, in milliseconds, and how often it starts in the span. */
async function ownSoftware(
  app: Application,
): Promise<Readonly<Record<Span, Readonly<Record<string, number>>>>> {
  const apache = await startOf(app, 'web', 'php-5.3');
  return {
    'first request to both gears serving': {
      'Apache, in the head, in the other gear, there again after the synchronisation': 3 * apache,
      HAProxy: await startOf(app, 'head', 'haproxy-1.4'),
      'ssh-keygen (RSA)': await keyGeneration(),
    },
    'add the database': {
      'mariadb-install-db': await dataDirectory(),
      MariaDB: await startOf(app, 'database', 'mysql-5.1'),
    },
  };
}

interface Round {
  readonly sent: readonly Sent[];
  readonly taken: Readonly<Record<Span, number>>;
  readonly software: Readonly<Record<Span, Readonly<Record<string, number>>>>;
}

async function round(): Promise<Round> {
  const uuids = [...seedUuids()];
  const broker = new Broker([inProcess(node)], {
    ...{ keys: [seedKey()], brokerAuth: seedAuth },
    uuid: () => uuids.shift() ?? '',
  });
  const start = performance.now();
  const app = await broker.createApplication({ name: 'sphpapp', namespace: 'demo' });
  const served = performance.now() - start;
  await broker.addDatabase(app);
  const found = (what: string, last = false): Sent | undefined =>
    broker.sent[last ? 'findLast' : 'find'](({ request }) => describe(request).startsWith(what));
  const [asked, set] = [found(`app-create ${database}`), found('set-db-connection-info')];
  const added = (set?.start ?? 0) + (set?.milliseconds ?? 0) - (asked?.start ?? 0);
  const software = await ownSoftware(app);
  await broker.scaleUp(app);
  await broker.scaleDown(app);
  await broker.destroyApplication(app);
  const taken = { 'first request to both gears serving': served, 'add the database': added };
  return { sent: broker.sent, taken, software };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;
const column = (...texts: readonly string[]): string =>
  texts.map((text, at) => (at === 0 ? text.padEnd(58) : text.padStart(11))).join('');

const all: Round[] = [];
for (let at = 0; at <= rounds; at += 1) {
  const one = await round();
  if (at > 0) all.push(one);
}

console.log(
  `The seed's requests, by their own time stamps; ours, medians of ${rounds} rounds after one to warm up\n`,
);
console.log(column('request', 'seed, at', 'ours, at', 'ours took'));
let from = 0;
for (const { what, time } of steps) {
  const found = all.map(({ sent }) => {
    const at = sent.findIndex((one, index) => index >= from && describe(one.request) === what);
    from = Math.max(from, 0);
    return sent[at];
  });
  const at = median(found.map((one, index) => (one?.start ?? 0) - (all[index]?.sent[0]?.start ?? 0)));
  const took = median(found.map((one) => one?.milliseconds ?? 0));
  console.log(column(what.slice(0, 57), `${time - (steps[0]?.time ?? 0)} s`, seconds(at), seconds(took)));
}

let missed = 0;
for (const span of Object.keys(spans) as Span[]) {
  const taken = median(all.map((one) => one.taken[span]));
  const names = Object.keys(all[0]?.software[span] ?? {});
  console.log(`\n${span}\n${column('  the seed', seconds(spans[span] * 1000))}`);
  console.log(column('  ours, with everything', seconds(taken), ratio(spans[span], taken)));
  const parts = names.map((name) => median(all.map((one) => one.software[span][name] ?? 0)));
  names.forEach((name, at) => console.log(column(`    ${name}`.slice(0, 57), seconds(parts[at] ?? 0))));
  const own = taken - parts.reduce((sum, part) => sum + part, 0);
  console.log(column('  ours, without these', seconds(own), ratio(spans[span], own)));
  if ((spans[span] * 1000) / own < AIM) missed += 1;
}
console.log(`\nAsked: ${AIM} times faster without the start-up of the cartridges' own software.`);
process.exitCode = missed === 0 ? 0 : 1;

function ratio(seeds: number, ours: number): string {
  return `${((seeds * 1000) / ours).toFixed(1)}x`;
}
