// Runs inside a disposable host: a real push over real OpenSSH to a real gear with PHP, seen through the front door.
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync, chmodSync } from 'node:fs';
import { request } from 'node:http';
import t from 'tap';
import { fileURLToPath } from 'node:url';
import { requireHost } from '../hosts/inside.js';

requireHost();

const bin = fileURLToPath(new URL('../../bin/', import.meta.url));
const uuid = 'cc9beb39785a45b9b97bdc6951fc8dbf';
const home = `/var/lib/openshift/${uuid}`;
const name = 'phpapp-demo.test.example.com';
const work = '/root/push-test';
mkdirSync(work);

interface Ended {
  code: number;
  text: string;
}
function sh(
  file: string,
  argv: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      file,
      argv,
      {
        cwd: options.cwd ?? work,
        env: { ...process.env, ...options.env },
        timeout: 120_000,
        maxBuffer: 1 << 24,
      },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? 255, text: stdout + stderr }),
    );
  });
}
async function must(file: string, argv: readonly string[], options = {}): Promise<string> {
  const { code, text } = await sh(file, argv, options);
  if (code !== 0) throw new Error(`${file} ${argv.join(' ')} ended with ${code}:\n${text}`);
  return text;
}
const page = (path = '/', host = name): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: 80, path, headers: { host } }, (response) => {
      let text = `${response.statusCode} `;
      response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
const gitEnv = {
  GIT_SSH_COMMAND: `ssh -i ${work}/key -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=${work}/known -o LogLevel=ERROR`,
  GIT_AUTHOR_NAME: 'P',
  GIT_AUTHOR_EMAIL: 'p@example.com',
  GIT_COMMITTER_NAME: 'P',
  GIT_COMMITTER_EMAIL: 'p@example.com',
};
const ssh = (...command: string[]): Promise<Ended> =>
  sh('bash', ['-c', `${gitEnv.GIT_SSH_COMMAND} ${uuid}@127.0.0.1 "$@"`, 'ssh', ...command]);
const clone = `${work}/phpapp`;
const state = (): string => readFileSync(`${home}/app-root/runtime/.state`, 'utf8').trim();
function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(`${clone}/${path}`.replace(/\/[^/]*$/, ''), { recursive: true });
  writeFileSync(`${clone}/${path}`, text);
  chmodSync(`${clone}/${path}`, mode);
}
async function push(message: string): Promise<Ended> {
  await must('git', ['add', '-A'], { cwd: clone });
  await must('git', ['commit', '-q', '--allow-empty', '-m', message], { cwd: clone, env: gitEnv });
  return sh('git', ['push', 'origin', 'master'], { cwd: clone, env: gitEnv });
}
/** Lines that git shows from the other side. */
const remote = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('remote: '))
    .map((line) => line.slice(8).trimEnd());

await t.test('a node, a gear and PHP', async (t) => {
  const { stdout } = await new Promise<{ stdout: string }>((resolve) =>
    execFile('php', ['-r', 'echo PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION;'], (_error, out) =>
      resolve({ stdout: out }),
    ),
  );
  await must(`${bin}oo-admin-node-setup`, [
    '--public-hostname',
    'broker.test.example.com',
    '--cloud-domain',
    'test.example.com',
    '--min-uid',
    '507',
    '--alias',
    `php-5.3=php-${stdout}`,
    '--start',
  ]);
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', `${work}/key`]);
  const [type, key] = readFileSync(`${work}/key.pub`, 'utf8').split(' ');
  await must(`${bin}oo-app-create`, [
    '-c',
    uuid,
    '-a',
    uuid,
    '--with-app-name',
    'phpapp',
    '--with-container-name',
    'phpapp',
    '--with-namespace',
    'demo',
  ]);
  await must(`${bin}oo-authorized-ssh-key-add`, [
    '-c',
    uuid,
    '-a',
    uuid,
    '-s',
    key!,
    '-t',
    type!,
    '-m',
    'default',
  ]);
  const reply = await must(`${bin}oo-cartridge`, ['-a', 'configure', '-c', uuid, '-n', 'php-5.3']);
  t.match(
    reply,
    new RegExp(
      `^Initialized empty Git repository in ${home}/git/phpapp.git/\n${home}/git/phpapp.git /tmp\n/tmp\n`,
    ),
  );
  t.match(await page(), /^200 /);
});

await t.test("the repository is the gear's, its hooks are root's", async (t) => {
  const listing = await must('ls', ['-lan', `${home}/git/phpapp.git`, `${home}/git/phpapp.git/hooks`]);
  t.match(listing, /drwxr-xr-x\s+\d+\s+0\s+507.* hooks\n/);
  t.match(listing, /-rwxr-xr-x\s+1\s+0\s+507.* post-receive\n/);
  t.match(listing, /-rwxr-xr-x\s+1\s+0\s+507.* pre-receive\n/);
  t.match(listing, /\s507\s+507.* HEAD\n/);
});

await t.test('a push builds, deploys, tells how, and is served', async (t) => {
  await must('git', ['clone', '-q', `ssh://${uuid}@127.0.0.1/~/git/phpapp.git`, clone], { env: gitEnv });
  t.match(
    await must('git', ['log', '--format=%an: %s'], { cwd: clone }),
    /^Template builder: Creating template\n$/,
  );
  write('index.php', '<?php echo "pushed ", 6 * 7; ?>');
  for (const hook of ['pre_build', 'build', 'deploy', 'post_deploy']) {
    write(
      `.openshift/action_hooks/${hook}`,
      `#!/bin/bash\necho "hook ${hook} says $OPENSHIFT_APP_NAME; $(cat $OPENSHIFT_REPO_DIR/../.state)"\n`,
      0o755,
    );
  }
  const { code, text } = await push('first');
  t.equal(code, 0, text);
  const lines = remote(text);
  t.comment(lines.join('\n'));
  t.match(
    lines.join('\n'),
    new RegExp(
      [
        'Stopping php-5.3 cartridge',
        "Building git ref 'master', commit [0-9a-f]{7}",
        'hook pre_build says phpapp; building',
        'hook build says phpapp; building',
        'Activating deployment',
        'hook deploy says phpapp; deploying',
        'Starting php-5.3 cartridge',
        'Deployment id is [0-9a-f]{8}',
        'hook post_deploy says phpapp; started',
        '-+',
        'Git Post-Receive Result: success',
        'Activation status: success',
        'Deployment completed with status: success',
      ].join('\n'),
    ),
  );
  t.equal(await page(), '200 pushed 42');
  t.equal(state(), 'started');
  const current = readlinkSync(`${home}/app-deployments/current`);
  t.match(JSON.parse(readFileSync(`${home}/app-deployments/${current}/metadata.json`, 'utf8')), {
    git_ref: 'master',
    hot_deploy: false,
  });
  t.same(
    readdirSync(`${home}/app-root/runtime`).filter((entry) => entry.startsWith('.repo')),
    [],
  );
});

await t.test("what a push starts is in the gear's group, confined, and outlives the session", async (t) => {
  const pids = (await must('pgrep', ['-u', '507'])).trim().split('\n');
  t.ok(pids.length > 0);
  for (const pid of pids) {
    t.match(
      readFileSync(`/proc/${pid}/cgroup`, 'utf8'),
      new RegExp(`/openshift/${uuid}`),
      `${pid} is in the gear's group`,
    );
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    t.match(status, /NoNewPrivs:\t1/);
    t.match(status, /CapEff:\t0000000000000000/);
    t.match(status, /CapBnd:\t0000000000000000/);
  }
  const sessions = (await sh('pgrep', ['-f', 'git-receive-pack'])).text;
  t.equal(sessions, '', 'no receive-pack is left');
});

await t.test(
  "the hooks of a push, git's own and the tenant's, are confined like any process of the gear",
  async (t) => {
    const file = `${home}/app-root/data/proc`;
    // No pipe in the listing: bash would hold its ends for a moment.
    const facts = 'cat $p/status $p/cgroup; ls $p/fd; tr "\\0" "\\n" < $p/environ';
    // The hook itself, and its parent: the `gear` program that git's post-receive became.
    write(
      '.openshift/action_hooks/build',
      `#!/bin/bash\nexec > ${file}\nfor p in /proc/$$ /proc/$PPID; do ${facts}; echo "tmp $(stat -c %u:%a /tmp)"; echo =====; done\n`,
      0o755,
    );
    const { code, text } = await push('look');
    t.equal(code, 0, text);
    const [hook = '', program = ''] = readFileSync(file, 'utf8').split('=====\n');
    for (const [who, seen] of Object.entries({ hook, program })) {
      t.match(seen, /^Uid:\t507\t507\t507\t507$/m, who);
      t.match(seen, /^Gid:\t507\t507\t507\t507$/m, who);
      t.match(seen, /^Groups:\t(507)? ?$/m, `${who} has no other group`);
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        t.match(seen, new RegExp(`^${set}:\t0{16}$`, 'm'), who);
      t.match(seen, /^NoNewPrivs:\t1$/m, who);
      t.match(seen, /^Seccomp:\t2$/m, who);
      t.match(seen, new RegExp(`^0::/openshift/${uuid}/gear$`, 'm'), who);
      t.match(seen, new RegExp(`^\\d+:pids:/openshift/${uuid}$`, 'm'), who);
      t.match(seen, /^tmp 507:1700$/m, 'its own /tmp');
    }
    t.notMatch(hook, /^GIT_/m, 'nothing of git goes on to a hook of the tenant');
    t.notMatch(hook, /^SSH_/m);
    t.match(hook, /^OPENSHIFT_APP_NAME=phpapp$/m);
    t.same(hook.match(/^\d+$/gm), ['0', '1', '2', '255'], 'bash keeps its script open as 255');
  },
);

await t.test('a build that fails brings the former code back and the pusher reads why', async (t) => {
  write('index.php', '<?php echo "broken"; ?>');
  write('.openshift/action_hooks/build', '#!/bin/bash\necho "no compiler here" >&2\nexit 3\n', 0o755);
  const { text } = await push('broken');
  const lines = remote(text).join('\n');
  t.comment(lines);
  t.match(lines, /no compiler here/);
  t.match(lines, /former code is brought back/);
  t.match(lines, /Deployment completed with status: failure/);
  t.equal(await page(), '200 pushed 42');
  t.equal(state(), 'started');
});

await t.test('a hot deploy changes the code under the running server', async (t) => {
  const before = (await must('pgrep', ['-o', '-u', '507', '-x', 'apache2|httpd'])).trim();
  write('index.php', '<?php echo "hot"; ?>');
  write('.openshift/action_hooks/build', '#!/bin/bash\nexit 0\n', 0o755);
  write('.openshift/markers/hot_deploy', '');
  const { code, text } = await push('hot');
  t.equal(code, 0, text);
  t.match(remote(text).join('\n'), /Not stopping cartridge php-5.3 because hot deploy is enabled/);
  t.equal(await page(), '200 hot');
  t.equal(
    (await must('pgrep', ['-o', '-u', '507', '-x', 'apache2|httpd'])).trim(),
    before,
    'the same server',
  );
});

await t.test('another branch is kept and not deployed; the deployed branch cannot be deleted', async (t) => {
  const other = await sh('git', ['push', 'origin', 'master:feature'], { cwd: clone, env: gitEnv });
  t.equal(other.code, 0, other.text);
  t.notMatch(other.text, /Building/);
  const gone = await sh('git', ['push', 'origin', ':master'], { cwd: clone, env: gitEnv });
  t.not(gone.code, 0);
});

await t.test('a pusher who goes away does not stop the deployment', async (t) => {
  write('index.php', '<?php echo "kept on"; ?>');
  write('.openshift/markers/hot_deploy', '');
  await must('git', ['rm', '-q', '-f', '.openshift/markers/hot_deploy'], { cwd: clone }).catch(() => '');
  write('.openshift/action_hooks/build', '#!/bin/bash\necho started; sleep 2\n', 0o755);
  await must('git', ['add', '-A'], { cwd: clone });
  await must('git', ['commit', '-q', '-m', 'slow'], { cwd: clone, env: gitEnv });
  const child = spawn('git', ['push', 'origin', 'master'], {
    cwd: clone,
    env: { ...process.env, ...gitEnv },
    detached: true,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (/remote: started/.test(said)) process.kill(-child.pid!, 'SIGKILL');
  });
  await new Promise((resolve) => child.once('exit', resolve));
  let seen = '';
  for (let tries = 0; tries < 60 && seen !== '200 kept on'; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    seen = await page().catch(() => '');
  }
  t.equal(seen, '200 kept on');
  t.equal(state(), 'started');
});

await t.test('gear stop, start, status and ctl_all over SSH', async (t) => {
  const stopped = await ssh('gear', 'stop');
  t.equal(stopped.code, 0, stopped.text);
  t.match(await page(), /^503 .*not available/);
  t.equal(state(), 'stopped');
  const status = await ssh('gear', 'status');
  t.match(status.text, /php-5.3: .*ALREADY_STOPPED/s);
  const started = await ssh('ctl_all', 'start');
  t.equal(started.code, 0, started.text);
  t.equal(await page(), '200 kept on');
  t.match((await ssh('gear', 'deployments')).text, / - master - [0-9a-f]{7} - ACTIVE\n/);
  const first = await ssh('gear', 'postreceive', '--init');
  t.match(first.text, /Deployment completed with status: success/);
  const again = await ssh('gear', 'deploy');
  t.equal(again.code, 0, again.text);
  t.equal((await ssh('gear', 'nonsense')).code, 255);
});

await t.test('stopgear ends what a push has started; after the destroy no route is left', async (t) => {
  await must(`${bin}oo-admin-ctl-gears`, ['stopgear', uuid]);
  t.equal((await sh('pgrep', ['-u', '507'])).code, 1, 'no process of the uid lives');
  await must(`${bin}oo-app-destroy`, [
    '-c',
    uuid,
    '-a',
    uuid,
    '--with-app-name',
    'phpapp',
    '--with-container-name',
    'phpapp',
    '--with-namespace',
    'demo',
  ]);
  t.match(await page(), /^404 .*No such application/);
  t.equal(readFileSync('/var/lib/openshift/.routes/gears.map', 'utf8'), '');
});
