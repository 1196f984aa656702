/**
 * Runs the programs that read and change the kernel's packet rules (iptables-save, iptables-restore, nft): found where
 * distributions put them, fed by standard input, with a deadline and bounded output. Invariant: whatever goes wrong is
 * one OoError that says what was not changed and what an administrator can do.
 */
import { accessSync, constants } from 'node:fs';
import { effect } from '../native/effect.js';
import { OoError } from '../native/error.js';
import { run, type LaunchResult } from '../native/launch.js';
import { installLine, portProxyNeed, type PortProxyKind } from './packages.js';

const FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/usr/local/sbin'];
const DEADLINE = 60_000;
/** All rules of a machine with every public port in use are 3 MB. */
const MAX_OUTPUT = 64 << 20;

/** Where a program is, or undefined. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${name}`).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What the program prints; changes nothing. */
export async function readRules(
  kind: PortProxyKind,
  program: string,
  argv: readonly string[],
): Promise<string> {
  const result = await start(kind, program, argv, undefined);
  if (result.exitCode !== 0) throw failed(program, result);
  if (result.truncated) {
    throw new OoError(`${program} printed more than ${MAX_OUTPUT >> 20} MB of rules. Nothing was changed.`, {
      code: 'ERR_PACKET_RULES',
    });
  }
  return result.stdout.toString('utf8');
}

/** One transaction of the kernel; `summary` names it to whoever observes effects. */
export async function changeRules(
  kind: PortProxyKind,
  program: string,
  argv: readonly string[],
  { text, summary }: { readonly text: string; readonly summary: string },
): Promise<void> {
  effect('packet-rules', `${program} ${summary}`);
  const result = await start(kind, program, argv, Buffer.from(text));
  if (result.exitCode !== 0) throw failed(program, result);
}

async function start(
  kind: PortProxyKind,
  program: string,
  argv: readonly string[],
  input: Buffer | undefined,
): Promise<LaunchResult> {
  const file = findProgram(program);
  if (file === undefined) {
    throw new OoError(
      `The program ${program} is not on this machine (PORT_PROXY=${kind} needs it). No public port was changed; run: ` +
        `${installLine([portProxyNeed(kind)])}, or choose another PORT_PROXY in node.conf.`,
      { code: 'ERR_PROGRAM_MISSING' },
    );
  }
  return run({
    file,
    argv: [program, ...argv],
    env: { PATH: FOLDERS.join(':'), LC_ALL: 'C' },
    cwd: '/',
    deadline: DEADLINE,
    maxOutput: MAX_OUTPUT,
    ...(input === undefined ? {} : { input }),
  });
}

function failed(program: string, { exitCode, signal, timedOut, stderr }: LaunchResult): OoError {
  const said = stderr
    .toString('utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('# Warning'))
    .slice(0, 3)
    .join('; ')
    .slice(0, 400);
  if (timedOut) {
    return new OoError(
      `${program} did not end within ${DEADLINE / 1000} s and was killed. Its transaction was not made, unless the ` +
        'kernel had just taken it; ask oo-admin-ctl-iptables-port-proxy status.',
      { code: 'ERR_PACKET_RULES_TIMEOUT' },
    );
  }
  const how = exitCode === undefined ? `ended by ${signal ?? 'a signal'}` : `exit status ${exitCode}`;
  const advice = /[Tt]able does not exist|initiali[sz]e (ip)?tables|not supported/.test(said)
    ? ' The kernel lacks this kind of rules: choose another PORT_PROXY in node.conf.'
    : exitCode === 4
      ? ' Another program holds the lock of the rules: try again.'
      : '';
  return new OoError(
    `${program} failed (${how}): ${said === '' ? 'it gave no reason' : said}. No rule was changed.${advice}`,
    {
      code: 'ERR_PACKET_RULES',
    },
  );
}
