/**
 * A load on an application, as a program of its own: asks for one page again and again, half of the workers over
 * connections that they keep, half over a fresh one each time, and checks each body (`VERSION GEAR-UUID`). Prints what
 * it has seen as a JSON line every quarter of a second. Invariant: it ends: after `most` requests, after `seconds`, or
 * when its standard input ends; a request that got no whole answer is a failure, whatever the reason.
 *
 *   load.js '{"address":"192.0.2.1","host":"app.example.com","path":"/","workers":8,"most":100000,"seconds":300}'
 */
import { Agent, request } from 'node:http';
import { Tally } from './tally.js';

export interface LoadOptions {
  readonly address: string;
  readonly port?: number;
  /** The Host header. */
  readonly host: string;
  readonly path: string;
  readonly workers: number;
  /** No more requests than that. */
  readonly most: number;
  readonly seconds: number;
  /** After so many milliseconds without a whole answer a request has failed. */
  readonly patience?: number;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const options = JSON.parse(process.argv[2] ?? '') as LoadOptions;
const patience = options.patience ?? 15_000;
const tally = new Tally();
const end = Date.now() + options.seconds * 1000;
let begun = 0;
let asked = false;
process.stdin.on('end', () => (asked = true)).resume();

function ask(agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { address, port = 80, path, host } = options;
    const sent = request({ host: address, port, path, agent, headers: { host } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('error', reject);
      response.on('end', () => {
        clearTimeout(timer);
        if (response.complete) resolve({ status: response.statusCode ?? 0, body });
        else reject(Object.assign(new Error('the body ended early'), { code: 'SHORT' }));
      });
    });
    const timer = setTimeout(
      () => sent.destroy(Object.assign(new Error('no whole answer'), { code: 'TIMEOUT' })),
      patience,
    );
    sent.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    sent.end();
  });
}

/** False for a failure. */
async function once(agent: Agent): Promise<boolean> {
  const [asked, began] = [Date.now(), performance.now()];
  const took = (): number => performance.now() - began;
  try {
    const { status, body } = await ask(agent);
    const [, version, gear] = /^(\S+) ([0-9a-f]{32})\n$/.exec(body) ?? [];
    if (status !== 200) tally.failure(`status ${status}`, asked, took(), body);
    else if (version === undefined || gear === undefined) tally.failure('body', asked, took(), body);
    else {
      tally.answer(gear, version, asked, took());
      return true;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    tally.failure(code ?? 'error', asked, took(), message);
  }
  return false;
}

async function work(agent: Agent): Promise<void> {
  while (!asked && begun < options.most && Date.now() < end) {
    begun += 1;
    // What fails at once must not become a storm.
    if (!(await once(agent))) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const say = (ended: boolean): void => void process.stdout.write(`${JSON.stringify(tally.report(ended))}\n`);
const ticks = setInterval(() => say(false), 250);
const kept = new Agent({ keepAlive: true });
const fresh = new Agent({ keepAlive: false });
await Promise.all(Array.from({ length: options.workers }, (_, n) => work(n % 2 === 0 ? kept : fresh)));
clearInterval(ticks);
say(true);
kept.destroy();
process.exit();
