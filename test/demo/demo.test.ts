// `npm run demo` as a person starts it: with --once it holds, and however it ends nothing of it stays on the machine.
import t from 'tap';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

type Traces = Record<string, unknown>;
const scripts = new URL('../../../test/', import.meta.url);
const { traces, differences } = (await import(new URL('hosts/traces.mjs', scripts).href)) as {
  traces: () => Traces;
  differences: (before: Traces, after: Traces) => string[];
};
const start = fileURLToPath(new URL('start.mjs', scripts));

interface Demo {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly status: Promise<number | string | null>;
  until(text: string): Promise<void>;
}

/** The demo in a process group of its own, as a terminal has it; what is built is not built again. */
function demo(...argv: string[]): Demo {
  const env = { ...process.env, OO_BUILD: 'no' };
  const child = spawn(process.execPath, [start, 'demo', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const status = new Promise<number | string | null>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal)),
  );
  const until = async (text: string): Promise<void> => {
    while (!output.includes(text)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`It ended early:\n${output}`);
      await sleep(50);
    }
  };
  return { child, output: () => output, status, until };
}

async function untilClean(before: Traces): Promise<string[]> {
  const end = Date.now() + 20_000;
  for (;;) {
    const found = differences(before, traces());
    if (found.length === 0 || Date.now() > end) return found;
    await sleep(200);
  }
}

t.test('--once runs what it prints, ends with 0, and leaves nothing', async (t) => {
  const before = traces();
  const { status, output } = demo('--once');
  t.equal(await status, 0, output());
  for (const part of [
    /^ {2}curl .*--resolve \S+ http/m,
    /^ {2}GIT_SSH_COMMAND='ssh -i \S+ .*git clone ssh:\S+:22\//m,
  ]) {
    t.match(output(), part);
  }
  t.match(output(), /together +\d+\.\d\d s/);
  t.match(output(), /All of it held/);
  t.same(differences(before, traces()), []);
});

t.test('it serves until Ctrl-C, which leaves nothing', async (t) => {
  const before = traces();
  const { child, status, output, until } = demo();
  await until('Ctrl-C');
  const [, name, address] = /--resolve ([^:]+):80:(\S+)/.exec(output()) ?? [];
  const answer = await new Promise<IncomingMessage>((resolve) =>
    get({ host: address, headers: { host: name }, agent: false }, resolve),
  );
  t.equal(answer.statusCode, 200);
  answer.resume();
  process.kill(-(child.pid ?? 0), 'SIGINT');
  t.equal(await status, 0, output());
  t.same(differences(before, traces()), []);
});

t.test('kill -9 leaves nothing', async (t) => {
  const before = traces();
  const { child, until } = demo();
  await until('Ctrl-C');
  child.kill('SIGKILL');
  t.same(await untilClean(before), []);
});

t.test('another argument gets a sentence', async (t) => {
  const { status, output } = demo('--twice');
  t.equal(await status, 2);
  t.match(output(), /usage: npm run demo/);
});
