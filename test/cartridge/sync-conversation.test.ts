/**
 * How long the head gear listens to the receiver in another gear, which is that gear's own program: never without end,
 * whatever it says. The functions are lib/sync's; the other gear's `oo-ssh` session is a script that misbehaves.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import t from 'tap';

const library = fileURLToPath(new URL('../../../cartridges/haproxy/lib/sync', import.meta.url));

interface Heard {
  readonly out: string;
  readonly seconds: number;
}

/** Runs `script` with lib/sync beside a receiver that is `receiver`. */
async function withReceiver(home: string, receiver: string, script: string): Promise<Heard> {
  mkdirSync(`${home}/bin`);
  mkdirSync(`${home}/.ssh`);
  writeFileSync(`${home}/bin/oo-ssh`, `#!/bin/bash\n${receiver}\n`);
  chmodSync(`${home}/bin/oo-ssh`, 0o755);
  const started = performance.now();
  const { stdout } = await execa('bash', ['-c', `trap : PIPE\nsource ${library}\n${script}`], {
    cwd: home,
    reject: false,
    extendEnv: false,
    timeout: 60_000,
    env: { PATH: `${home}/bin:/usr/bin:/bin` },
  });
  return { out: stdout, seconds: (performance.now() - started) / 1000 };
}

const CONNECT = 'connect u@h cold php/repo && echo connected || echo "not: ${reason:0:40}"';

t.test('one that talks and is never ready is given up when its time is over', async (t) => {
  const talks = 'while echo still getting ready; do sleep 0.2; done';
  const heard = await withReceiver(t.testdir({}), talks, `connect_limit=2\n${CONNECT}`);
  t.match(heard.out, /not: still getting ready$/);
  t.ok(heard.seconds >= 1 && heard.seconds < 15, `${heard.seconds} s`);
});

t.test('the time is one for all tries, also for one whose words ask for another try', async (t) => {
  const talks = 'for ((n = 0; n < 4; n++)); do echo Connection refused; sleep 0.2; done';
  const heard = await withReceiver(t.testdir({}), talks, `connect_limit=2\n${CONNECT}`);
  t.match(heard.out, /not: (Connection refused|u@h does not answer)$/);
  t.ok(heard.seconds < 25, `${heard.seconds} s`);
});

for (const [what, flood] of [
  ['lines', 'yes flood'],
  ['one line that never ends', "yes flood | tr -d '\\n'"],
] as const) {
  t.test(`a flood of ${what} before it is ready is cut off`, async (t) => {
    const heard = await withReceiver(t.testdir({}), flood, CONNECT);
    t.ok(/not: [flod]{5}/.test(heard.out), heard.out.slice(-60));
    t.ok(heard.out.length < 200 * 1100, `${heard.out.length} characters`);
    t.ok(heard.seconds < 20, `${heard.seconds} s`);
  });

  t.test(`so is a flood of ${what} after it, and what must be answered is not`, async (t) => {
    const script = `${CONNECT}\ntell enter entered && echo entered || echo not entered\nlook_for_loss\ndisconnect 700 | wc -c\necho over`;
    const heard = await withReceiver(t.testdir({}), `echo ready\n${flood}`, script);
    t.match(heard.out, /^connected\nnot entered\n\d+\nover$/);
    t.ok(heard.seconds < 20, `${heard.seconds} s`);
  });
}

t.test('one that keeps to the words is heard to its end', async (t) => {
  const receiver =
    'echo another synchronization of this gear is still running\necho ready\n' +
    'while read -r word; do case $word in enter) echo entered ;; keep) echo kept ;; esac; done\necho put right';
  const script = `${CONNECT}\ntell enter entered && tell keep kept && echo told\ndisconnect 700`;
  t.equal((await withReceiver(t.testdir({}), receiver, script)).out, 'connected\ntold\nput right');
});

t.test('a connection that is gone is the reason, not the word before it', async (t) => {
  const script = `${CONNECT}\nreason=word\nlook_for_loss\necho "$reason"`;
  const receiver = 'echo ready; sleep 0.3; echo Connection to h closed by remote host.';
  t.equal(
    (await withReceiver(t.testdir({}), receiver, script)).out,
    'connected\nConnection to h closed by remote host.',
  );
});
