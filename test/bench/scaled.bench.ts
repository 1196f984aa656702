/**
 * The seed's scaled application against the clock: its requests, sent by the broker for tests to a node on a disk, with
 * the seed's own time stamps beside ours for the same steps. What the cartridges' own software takes to start (Apache,
 * HAProxy, MariaDB, its data directory, the SSH key) is read from the platform's log, printed, and taken out.
 * The seed's stamps are whole seconds: where one could be a second more or less, the smaller span counts.
 */
import { appendFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { openCartridge } from '../../src/cartridge/installed.js';
import { controlCartridge } from '../../src/cartridge/control.js';
import { openGear } from '../../src/gear/gear.js';
import { openNode } from '../../src/node/node.js';
import type { Application } from '../scaled/broker/application.js';
import { Broker } from '../scaled/broker/broker.js';
import { inProcess } from '../scaled/broker/node.js';
import type { Sent } from '../scaled/broker/sender.js';
import { describe } from '../scaled/seed-follower.js';
import { seedAuth, seedKey, seedUuids } from '../scaled/seed-values.js';
import { seedNode } from '../seed/seed-node.js';
import { scaledExchanges, seedText } from '../seed/seed-text.js';

const rounds = Number(process.argv[2] ?? '5');
const AIM = 8;
const LOG = '/var/log/openshift/node/platform.log';
await seedNode(['--public-ip=192.168.59.144']);
appendFileSync('/etc/openshift/node.conf', '\nPLATFORM_LOG_LEVEL=DEBUG\n');
const node = await openNode();
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

/** What the software of a span's cartridges took to start, in milliseconds. */
type Software = Readonly<Record<string, number>>;

const logSize = (): number => statSync(LOG, { throwIfNoEntry: false })?.size ?? 0;

/** The runs of scripts that the platform's log has noted since `from`: `php-5.3 start` and the like. */
function scriptRuns(from: number): readonly (readonly [what: string, milliseconds: number])[] {
  const lines = readFileSync(LOG, 'utf8').slice(from).split('\n');
  return lines.flatMap((line) => {
    const found =
      / DEBUG (?:script|control) .*cartridge=(\S+) (?:script=bin|action)[/=]?(\S+) .*milliseconds=(\d+)/.exec(
        line,
      );
    return found === null ? [] : [[`${found[1]} ${found[2]}`, Number(found[3])] as const];
  });
}

/**
 * The runs that start software or make its data. Of the two scripts that run a program to its end, what the setup of
 * the same cartridge took is counted as the shell's.
 */
function softwareOf(span: Span, from: number): Software {
  const runs = scriptRuns(from);
  const all = (what: string): number =>
    runs.filter(([name]) => name === what).reduce((sum, [, time]) => sum + time, 0);
  if (span === 'add the database') {
    return {
      'mariadb-install-db': all('mysql-5.1 install') - all('mysql-5.1 setup'),
      MariaDB: all('mysql-5.1 start'),
    };
  }
  return {
    'Apache, in the head and in the other gear': all('php-5.3 start'),
    'ssh-keygen (RSA)': all('haproxy-1.4 install') - all('haproxy-1.4 setup'),
    HAProxy: all('haproxy-1.4 start'),
  };
}

/** Apache once more, in the gear that the synchronisation restarted: that start is in no log of the node. */
async function apacheAgain(app: Application): Promise<number> {
  const uuid = app.gears.find(({ kind }) => kind === 'web')?.uuid ?? '';
  const gear = openGear(node, uuid);
  const cartridge = openCartridge(gear, 'php-5.3');
  await controlCartridge(node, gear, cartridge, 'stop');
  const start = performance.now();
  await controlCartridge(node, gear, cartridge, 'start');
  return performance.now() - start;
}

/** Processor time of all processes of the host so far, in milliseconds; not a number where no group counts it. */
function processorTime(): number {
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  const one = Number.parseInt(read('/sys/fs/cgroup/cpuacct/cpuacct.usage')) / 1e6;
  if (!Number.isNaN(one)) return one;
  return Number(/^usage_usec (\d+)/m.exec(read('/sys/fs/cgroup/cpu.stat'))?.[1]) / 1e3;
}

interface Round {
  readonly sent: readonly Sent[];
  /** Processor time of each span, of everything in the host. */
  readonly worked: Readonly<Record<Span, number>>;
  readonly taken: Readonly<Record<Span, number>>;
  readonly software: Readonly<Record<Span, Software>>;
}

async function round(): Promise<Round> {
  const uuids = [...seedUuids()];
  const broker = new Broker([inProcess(node)], {
    ...{ keys: [seedKey()], brokerAuth: seedAuth },
    uuid: () => uuids.shift() ?? '',
  });
  const start = performance.now();
  const marks = [processorTime()];
  let log = logSize();
  const app = await broker.createApplication({ name: 'sphpapp', namespace: 'demo' });
  const served = performance.now() - start;
  marks.push(processorTime());
  const first = softwareOf('first request to both gears serving', log);
  log = logSize();
  await broker.addDatabase(app);
  marks.push(processorTime());
  const [asked, set] = [`app-create ${database}`, 'set-db-connection-info'].map((what) =>
    broker.sent.find(({ request }) => describe(request).startsWith(what)),
  );
  const software = {
    'first request to both gears serving': first,
    'add the database': softwareOf('add the database', log),
  };
  await broker.scaleUp(app);
  await broker.scaleDown(app);
  const again = { 'Apache again, after the synchronisation': await apacheAgain(app) };
  await broker.destroyApplication(app);
  const [before = 0, between = 0, after = 0] = marks;
  return {
    sent: broker.sent,
    worked: {
      'first request to both gears serving': between - before,
      'add the database': after - between,
    },
    taken: {
      'first request to both gears serving': served,
      'add the database': (set?.start ?? 0) + (set?.milliseconds ?? 0) - (asked?.start ?? 0),
    },
    software: { ...software, 'first request to both gears serving': { ...first, ...again } },
  };
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
const cursors = all.map(() => 0);
for (const { what, time } of steps) {
  const found = all.map(({ sent }, index) => {
    const at = sent.findIndex(
      ({ request }, place) => place >= (cursors[index] ?? 0) && describe(request) === what,
    );
    if (at >= 0) cursors[index] = at + 1;
    return sent[at];
  });
  const at = median(found.map((one, index) => (one?.start ?? 0) - (all[index]?.sent[0]?.start ?? 0)));
  const took = median(found.map((one) => one?.milliseconds ?? 0));
  console.log(column(what.slice(0, 57), `${time - (steps[0]?.time ?? 0)} s`, seconds(at), seconds(took)));
}

let missed = 0;
for (const span of Object.keys(spans) as Span[]) {
  const taken = median(all.map((one) => one.taken[span]));
  const worked = median(all.map((one) => one.worked[span]));
  const names = Object.keys(all[0]?.software[span] ?? {});
  console.log(`\n${span}\n${column('  the seed', seconds(spans[span] * 1000))}`);
  console.log(column('  ours, with everything', seconds(taken), ratio(spans[span], taken)));
  console.log(column('    of that, processor time of all processes of the host', seconds(worked)));
  const parts = names.map((name) => median(all.map((one) => one.software[span][name] ?? 0)));
  names.forEach((name, at) => console.log(column(`    ${name}`.slice(0, 57), seconds(parts[at] ?? 0))));
  const own = taken - parts.reduce((sum, part) => sum + part, 0);
  console.log(column('  ours, without these', seconds(own), ratio(spans[span], own)));
  if ((spans[span] * 1000) / own < AIM) missed += 1;
}
const load = loadavg().map((value) => value.toFixed(1));
console.log(
  `\n${availableParallelism()} processors; the machine's load over 1, 5 and 15 minutes: ${load.join(', ')}`,
);
console.log(`Asked: ${AIM} times faster without the start-up of the cartridges' own software.`);
process.exitCode = missed === 0 ? 0 : 1;

function ratio(seeds: number, ours: number): string {
  return `${((seeds * 1000) / ours).toFixed(1)}x`;
}
