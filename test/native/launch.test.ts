// Launches without a confinement, as any account may make them: what the program gets, what comes back, how it ends.
import t from 'tap';
import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { NativeError } from '../../src/native/error.js';
import { launch, run, type LaunchOptions, type LaunchResult } from '../../src/native/launch.js';

const env = { PATH: '/usr/bin:/bin' };

function bash(script: string, options: Partial<LaunchOptions> = {}): LaunchOptions {
  return { file: '/bin/bash', argv: ['bash', '-c', script], env, cwd: '/', ...options };
}

function text(result: LaunchResult): string {
  return result.stdout.toString();
}

/** Children of this process that have ended and were not waited for. */
function zombies(): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' && Number(fields[1]) === process.pid;
    } catch {
      return false;
    }
  });
}

/** True when the process is gone, or dead and only not yet waited for by whoever inherited it. */
async function ends(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      if (/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return true;
    } catch {
      return true;
    }
    await sleep(20);
  }
  return false;
}

t.test('the program gets its arguments, its directory, its environment and nothing else', async (t) => {
  const result = await run({
    file: '/usr/bin/env',
    argv: [
      'env',
      '-0',
      'bash',
      '-c',
      'printf "%s|" "$0" "$@"; pwd; tr "\\0" "\\n" < /proc/self/environ',
      'a b',
      '',
      "quote'",
    ],
    env: { ONE: '1', TWO: 'two words\nand a line', EMPTY: '', PATH: '/usr/bin:/bin' },
    cwd: '/usr/lib',
  });
  t.equal(result.exitCode, 125, 'env itself refuses -0 with a command: the vector came through as it was');
  const plain = await run({
    file: '/bin/bash',
    argv: [
      'bash',
      '-c',
      'printf "%s|" "$0" "$@"; pwd; tr "\\0" "\\n" < /proc/$$/environ',
      'a b',
      '',
      "quote'",
    ],
    env: { ONE: '1', TWO: 'two words', EMPTY: '', PATH: '/usr/bin:/bin' },
    cwd: '/usr/lib',
  });
  t.equal(text(plain), "a b||quote'|/usr/lib\nONE=1\nTWO=two words\nEMPTY=\nPATH=/usr/bin:/bin\n");
});

t.test(
  'exactly the descriptors 0, 1 and 2, no signal ignored or blocked, a session of its own',
  async (t) => {
    const launched = await launch({ file: '/bin/sleep', argv: ['sleep', '60'], env: {}, cwd: '/' });
    const proc = `/proc/${launched.pid}`;
    // A launch resolves at the exec; the kernel closes what is marked to be closed a moment later, and the loader opens
    // libraries before the program sleeps.
    const settled = (): boolean =>
      /^State:\tS/m.test(readFileSync(`${proc}/status`, 'utf8')) && readdirSync(`${proc}/fd`).length <= 3;
    for (let tries = 0; tries < 100 && !settled(); tries += 1) await sleep(5);
    t.same(readdirSync(`${proc}/fd`).sort(), ['0', '1', '2']);
    const status = readFileSync(`${proc}/status`, 'utf8');
    for (const set of ['SigBlk', 'SigIgn', 'SigCgt'])
      t.match(status, new RegExp(`${set}:\\s+0000000000000000\\n`));
    const fields = readFileSync(`${proc}/stat`, 'utf8').split(' ');
    t.same(fields.slice(4, 6), [String(launched.pid), String(launched.pid)], 'process group and session');
    t.equal(readFileSync(`${proc}/environ`, 'utf8'), '');
    launched.kill();
    await launched.result;
  },
);

t.test('output, exit status and signals come back', async (t) => {
  const result = await run(bash('echo out; echo err >&2; exit 7'));
  t.equal(result.exitCode, 7);
  t.equal(result.signal, undefined);
  t.equal(text(result), 'out\n');
  t.equal(result.stderr.toString(), 'err\n');
  t.equal(text(await run(bash('echo a; echo b >&2; echo c', { stderr: 'merge' }))), 'a\nb\nc\n');
  const killed = await run(bash('kill -TERM $$'));
  t.equal(killed.exitCode, undefined);
  t.equal(killed.signal, 'SIGTERM');
  t.equal((await run(bash('kill -ABRT $$'))).signal, 'SIGABRT');
});

t.test('input: none, bytes of any length, a pipe', async (t) => {
  t.equal(text(await run(bash('wc -c'))).trim(), '0');
  const bytes = Buffer.alloc(3_000_000, 'x');
  t.equal(text(await run(bash('wc -c', { input: bytes }))).trim(), '3000000');
  t.equal(
    (await run(bash('exec true', { input: bytes }))).exitCode,
    0,
    'a program that does not read does no harm',
  );
  const launched = await launch(bash('cat', { input: 'pipe' }));
  launched.stdin?.write('one ');
  launched.stdin?.end('two');
  t.equal(text(await launched.result), 'one two');
  const deaf = await launch(bash('exec <&-; sleep 0.1', { input: 'pipe' }));
  await sleep(50);
  deaf.stdin?.write(bytes);
  t.equal((await deaf.result).exitCode, 0, 'a broken pipe breaks only the pipe');
});

t.test('a deadline ends it with its descendants', async (t) => {
  const started = performance.now();
  const result = await run(bash('trap "" TERM; sleep 60 & echo $!; wait', { deadline: 150 }));
  t.ok(performance.now() - started < 3000);
  t.equal(result.timedOut, true);
  t.equal(result.signal, 'SIGKILL');
  t.ok(await ends(Number(text(result))), 'also what it had started');
});

t.test('an AbortSignal and kill() end it, before and while it runs', async (t) => {
  const controller = new AbortController();
  const going = run(bash('sleep 60', { signal: controller.signal }));
  setTimeout(() => controller.abort(), 50);
  const result = await going;
  t.equal(result.aborted, true);
  t.equal(result.timedOut, false);
  const launched = await launch(bash('sleep 60'));
  launched.kill();
  t.equal((await launched.result).aborted, true);
  const never = await run(bash('sleep 60', { signal: AbortSignal.abort() }));
  t.equal(never.aborted, true);
  launched.kill();
});

t.test('output is cut where it is too much, and said to be cut', async (t) => {
  const result = await run(bash('head -c 300000 /dev/zero; echo done >&2', { maxOutput: 1000 }));
  t.equal(result.stdout.length, 1000);
  t.equal(result.stderr.toString(), 'done\n', 'the program was not held up');
  t.equal(result.truncated, true);
  t.equal((await run(bash('head -c 1000 /dev/zero', { maxOutput: 1000 }))).truncated, false);
});

t.test('a receiver gets every byte in order, and a slow one slows the program', async (t) => {
  const chunks: Buffer[] = [];
  const lines = await run(
    bash('for i in 1 2 3; do echo $i; sleep 0.02; done; echo e >&2', {
      onOutput: (stream, chunk) => stream === 'stdout' && chunks.push(Buffer.from(chunk)),
    }),
  );
  t.equal(Buffer.concat(chunks).toString(), '1\n2\n3\n');
  t.ok(chunks.length >= 2, 'as it came, not at the end');
  t.equal(text(lines), '1\n2\n3\n', 'and the result has it too');
  let received = 0;
  const block = new Int32Array(new SharedArrayBuffer(4));
  await run(
    bash('head -c 30000000 /dev/zero', {
      onOutput: (_stream, chunk) => {
        received += chunk.length;
        if (received % 1_000_000 < 65536) Atomics.wait(block, 0, 0, 3);
      },
    }),
  );
  t.equal(received, 30_000_000);
});

t.test('what cannot be started says which step failed and why', async (t) => {
  const fails = async (options: LaunchOptions, step: string, code: string): Promise<void> => {
    await t.rejects(run(options), { name: 'NativeError', step, code }, `${step} ${code}`);
    await t.rejects(launch(options), { step, code });
  };
  await fails(bash('true', { file: '/nowhere/program' }), 'exec', 'ENOENT');
  await fails(bash('true', { file: '/etc/passwd' }), 'exec', 'EACCES');
  await fails(bash('true', { file: '/usr' }), 'exec', 'EACCES');
  await fails(bash('true', { cwd: '/nowhere' }), 'cwd', 'ENOENT');
  await fails(bash('true', { cwd: '/etc/passwd' }), 'cwd', 'ENOTDIR');
  await fails(bash('true', { env: { BIG: 'x'.repeat(200_000) } }), 'exec', 'E2BIG');
  await fails(bash('true', { argv: ['bash', 'x'.repeat(200_000)] }), 'exec', 'E2BIG');
});

t.test('bad input is refused before anything is done', async (t) => {
  const refused = async (options: Partial<LaunchOptions>): Promise<void> => {
    await t.rejects(run(bash('true', options)), /was not started/);
  };
  await refused({ file: '' });
  await refused({ file: 'bash' });
  await refused({ cwd: '' });
  await refused({ cwd: 'usr' });
  await refused({ argv: [] });
  await refused({ argv: ['a\0b'] });
  await refused({ file: '/bin/bash\0x' });
  await refused({ cwd: '/\0' });
  await refused({ env: { A: 'b\0C=d' } });
  await refused({ env: { '': 'x' } });
  await refused({ env: { 'A=B': 'x' } });
  await refused({ maxOutput: -1 });
  await refused({ drain: Number.NaN });
  await refused({ deadline: -5 });
  await refused({ input: 'pipe' });
  const error = await run(bash('true', { argv: ['a\0b'] })).catch((reason: unknown) => reason as NativeError);
  t.match(error, { code: 'EINVAL', step: 'arguments' });
});

t.test('what stays in the background is ended with the launch; with keep it goes on', async (t) => {
  const ended = await run(bash('sleep 60 & echo $!'));
  t.ok(await ends(Number(text(ended))));
  const started = performance.now();
  const kept = await run(bash('sleep 60 & echo $!', { keep: true, drain: 50 }));
  t.ok(performance.now() - started < 3000, 'its open pipe does not hold up the result');
  const pid = Number(text(kept));
  t.doesNotThrow(() => process.kill(pid, 0));
  process.kill(pid, 'SIGKILL');
});

t.test('an input that nobody ended is closed with the launch', async (t) => {
  await run(bash(':'));
  const count = (): number => readdirSync('/proc/self/fd').length;
  const before = count();
  for (let number = 0; number < 20; number += 1) {
    const launched = await launch(bash('exit 3', { input: 'pipe' }));
    t.equal((await launched.result).exitCode, 3);
    t.equal(launched.stdin?.destroyed, true);
  }
  await sleep(50);
  t.equal(count(), before);
});

t.test('500 launches leave no descriptor, no zombie and no thread behind', async (t) => {
  const count = (directory: string): number => readdirSync(directory).length;
  await Promise.all(Array.from({ length: 40 }, () => run(bash('exit 3'))));
  await run(bash('exit 3', { file: '/nowhere' })).catch(() => undefined);
  const before = { descriptors: count('/proc/self/fd'), threads: count('/proc/self/task') };
  const results = await Promise.all(
    Array.from({ length: 500 }, (_, index) =>
      index % 10 === 0
        ? run(bash('true', { file: '/nowhere' })).catch(() => 'failed')
        : run(bash(`echo ${index}; exit 5`)).then((result) => `${result.exitCode} ${text(result)}`),
    ),
  );
  t.same(
    results,
    results.map((_, index) => (index % 10 === 0 ? 'failed' : `5 ${index}\n`)),
  );
  t.equal(count('/proc/self/fd'), before.descriptors);
  t.ok(count('/proc/self/task') <= before.threads, 'no thread for each child');
  t.same(zombies(), []);
});

t.test('the event loop is not held up while children start', async (t) => {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const hold = Array.from({ length: 8 }, () => Buffer.alloc(50 << 20, 1));
  delay.enable();
  for (let index = 0; index < 40; index += 1) await run(bash('true'));
  delay.disable();
  // Two busy processors: the scheduler's own hesitation is allowed for, a copy of 400 MB of page tables is not.
  t.ok(delay.percentile(90) < 20e6, `90 % below ${delay.percentile(90) / 1e6} ms`);
  t.equal(hold.length, 8);
});

t.test('an input pipe that reaches nobody, since its worker has ended, is closed', async (t) => {
  await run(bash(':'));
  const count = (): number => readdirSync('/proc/self/fd').length;
  const module = new URL('../../src/native/launch.js', import.meta.url).href;
  const worker = async (): Promise<void> => {
    const code = `import(${JSON.stringify(module)}).then(({ launch }) => {
      for (let i = 0; i < 8; i += 1)
        launch({ file: '/bin/cat', argv: ['cat'], env: {}, cwd: '/', input: 'pipe' }).catch(() => {});
      const until = Date.now() + 100; // they start, and nobody listens
      while (Date.now() < until);
      process.exit();
    });`;
    const started = new Worker(code, { eval: true });
    await new Promise((resolve, reject) => started.once('exit', resolve).once('error', reject));
  };
  await worker();
  const before = count();
  for (let time = 0; time < 3; time += 1) await worker();
  await sleep(100);
  t.ok(count() <= before + 2, `${count()} open, ${before} before`);
});

t.test('a worker launches too, and its end ends what it launched', async (t) => {
  const module = new URL('../../src/native/launch.js', import.meta.url).href;
  const worker = new Worker(
    `import(${JSON.stringify(module)}).then(async ({ launch }) => {
       const { parentPort } = await import('node:worker_threads');
       const launched = await launch({ file: '/bin/sleep', argv: ['sleep', '60'], env: {}, cwd: '/' });
       parentPort.postMessage(launched.pid);
     });`,
    { eval: true },
  );
  const pid = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  t.doesNotThrow(() => process.kill(pid, 0));
  await worker.terminate();
  t.ok(await ends(pid));
  t.equal((await run(bash('exit 4'))).exitCode, 4, 'the main thread goes on');
});

t.test('process.exit ends what is still running', async (t) => {
  const module = new URL('../../src/native/launch.js', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(async ({ launch }) => {
    const launched = await launch({ file: '/bin/sleep', argv: ['sleep', '60'], env: {}, cwd: '/' });
    console.log(launched.pid);
    process.exit(3);
  });`;
  const result = await run({
    file: process.execPath,
    argv: ['node', '-e', script],
    env,
    cwd: '/',
    keep: true,
  });
  t.equal(result.exitCode, 3, result.stderr.toString());
  t.ok(await ends(Number(text(result))));
});
