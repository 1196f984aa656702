// Runs one command in one disposable host and leaves nothing: state directory, cgroups, veth pair and processes go
// at the end by cleanup.sh. If the runner itself is killed, the watchdog (a pipe tells it) does the same, and every
// start sweeps what even the watchdog could not. No dependency: works in a clean clone.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseHostOptions, UsageError } from './options.mjs';
import { diskRoot, prepare, script, sweep } from './state.mjs';

function command(file, argv) {
  const { status, stderr } = spawnSync(file, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${argv.join(' ')}: ${stderr}`);
}

/** The machine's half of the veth pair; init waits for the other half. */
function makeLink({ id, state, network }) {
  const veth = `oo${id}`;
  const init = readFileSync(join(state, 'init.pid'), 'utf8').trim();
  command('ip', ['link', 'add', veth, 'type', 'veth', 'peer', 'name', 'link0', 'netns', init]);
  command('ip', ['addr', 'add', `${network.machine}/30`, 'dev', veth]);
  command('ip', ['link', 'set', veth, 'up']);
}

function environment(options, { id, hostname, network }) {
  const { PATH, TERM, LANG } = process.env;
  const base = options.cleanEnv
    ? { PATH, HOME: '/root', LANG: LANG ?? 'C.UTF-8', ...(TERM ? { TERM } : {}) }
    : process.env;
  const link = network ? { OO_HOST_ADDRESS: network.host, OO_HOST_MACHINE: network.machine } : {};
  return { ...base, ...link, OO_HOST: id, HOSTNAME: hostname, ...options.env };
}

/** Starts the host, runs the command, removes the host; resolves with the command's exit status. */
export async function runHost(options) {
  sweep();
  const host = prepare(options);
  const watchdog = spawn('bash', [script('watchdog.sh'), host.id], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  const joined = ['bash', script('enter-cgroups.sh'), host.state];
  const argv = [
    ...['--pdeathsig', 'KILL', ...joined, '', 'unshare', '--cgroup', ...joined, 'init'],
    ...[
      'unshare',
      '--mount',
      '--propagation',
      'private',
      '--pid',
      '--uts',
      '--ipc',
      '--net',
      '--fork',
      '--kill-child',
    ],
    ...['bash', script('init.sh'), host.state, ...options.command],
  ];
  const child = spawn('setpriv', argv, {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: environment(options, host),
  });
  const kill = () => spawnSync('bash', [script('cleanup.sh'), host.id], { stdio: 'inherit' });

  // The terminal sends Ctrl-C to the command as well; it may end in its own way. Whoever asks again, or asks this
  // process alone, gets the end of the host.
  let interrupts = 0;
  let ready = false;
  let asked;
  process.on('SIGINT', () => {
    asked ??= 'SIGINT';
    if (++interrupts > 1 || !ready) kill();
    else setTimeout(kill, 5000).unref();
  });
  for (const signal of ['SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      asked ??= signal;
      kill();
    });
  }
  let said = '';
  child.stdio[3].on('data', (chunk) => {
    said += chunk;
    try {
      if (said.startsWith('link\n')) {
        said = said.slice(5);
        makeLink(host);
      }
      if (said.startsWith('ready\n') && !ready) {
        ready = true;
        if (options.infoFd !== undefined) {
          const init = Number(readFileSync(join(host.state, 'init.pid'), 'utf8'));
          const info = {
            id: host.id,
            init,
            hostname: host.hostname,
            state: host.state,
            address: host.network?.host,
            machine: host.network?.machine,
            cableAddress: options.cable?.address,
          };
          writeSync(options.infoFd, `${JSON.stringify(info)}\n`);
        }
      }
    } catch (error) {
      process.stderr.write(`disposable host: ${error.message}\n`);
      kill();
    }
  });
  const status = await new Promise((resolve) => {
    child.on('error', (error) => {
      process.stderr.write(`disposable host: could not be started: ${error.message}\n`);
      resolve(126);
    });
    child.on('exit', (code, signal) =>
      resolve(code ?? (signal === 'SIGINT' || asked === 'SIGINT' ? 130 : 143)),
    );
  });
  kill();
  watchdog.stdin.end();
  await new Promise((resolve) => watchdog.on('exit', resolve));
  return ready || status !== 0 ? status : 125;
}

/** The command line `npm run host -- ...`. */
export async function main(argv) {
  try {
    const options = parseHostOptions(argv);
    if (options.help) {
      process.stdout.write(options.help);
      return 0;
    }
    if (process.getuid() !== 0) throw new UsageError('A disposable host needs root: run this with sudo.');
    if (options.forgetDisk !== undefined) {
      for (const end of ['', '.d'])
        rmSync(join(diskRoot, options.forgetDisk + end), { recursive: true, force: true });
      return 0;
    }
    if (options.sweep) {
      const swept = sweep();
      process.stdout.write(`${swept} removed\n`);
      return 0;
    }
    return await runHost(options);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
