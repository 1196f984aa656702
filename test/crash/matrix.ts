/**
 * Kills one request at every change it makes and compares the host with what it was and what it would have become.
 * Invariant: a point passes only if, after the next command, the whole dump equals one of the two; the first
 * difference from the nearer one is in the failure's text.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { differences, dumpHost } from '../hosts/dump.js';

const child = fileURLToPath(new URL('./child.js', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function runChild(...argv: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const started = execFile(
      process.execPath,
      [child, ...argv],
      { timeout: 120_000, maxBuffer: 1 << 24 },
      (_, stdout, stderr) => resolve({ code: started.exitCode, signal: started.signalCode, stdout, stderr }),
    );
  });
}

/** Carry out a request without a crash; its effects and its reply. */
export async function carryOut(
  request: object,
): Promise<{ effects: string[]; reply: { data?: { exitcode: number } } }> {
  const ended = await runChild('request', JSON.stringify(request), '0');
  if (ended.code !== 0) throw new Error(`request failed: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as { effects: string[]; reply: { data?: { exitcode: number } } };
}

/** The host as a text; a password is drawn anew by each configure, so its value is left out. */
export async function hostNow(): Promise<string> {
  return (await dumpHost()).replace(/^(\S+\/OPENSHIFT_MYSQL_DB_(?:PASSWORD|URL) \d+ \S+) .*$/gm, '$1');
}

export interface Point {
  readonly at: number;
  readonly effect: string;
  readonly ended: 'before' | 'after' | 'neither';
  readonly difference: readonly string[];
}

/** Kill `request` before its change number `at`, run the next command, and say where the host ended. */
export async function crashAt(
  request: object,
  at: number,
  before: string,
  after: string,
  look: () => Promise<string> = hostNow,
): Promise<Point> {
  const killed = await runChild('request', JSON.stringify(request), String(at));
  if (killed.signal !== 'SIGKILL') {
    return { at, effect: '(was not reached)', ended: 'neither', difference: [killed.stderr, killed.stdout] };
  }
  const recovered = await runChild('recover');
  const found = await look();
  const effect = killed.stderr.trim();
  if (recovered.code !== 0) return { at, effect, ended: 'neither', difference: [recovered.stderr] };
  if (found === before) return { at, effect, ended: 'before', difference: [] };
  if (found === after) return { at, effect, ended: 'after', difference: [] };
  const toBefore = differences(before, found);
  const toAfter = differences(after, found);
  return {
    at,
    effect,
    ended: 'neither',
    difference: (toBefore.length <= toAfter.length ? toBefore : toAfter).slice(0, 20),
  };
}
