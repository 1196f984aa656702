/**
 * The lock on tests that change the machine they run on: accounts, rules, set-up. They are for disposable hosts, and a
 * test runner that is started by itself over all compiled files finds them too. Invariant: outside of a host nothing of
 * them happens but an error.
 */
import { readFileSync } from 'node:fs';

/** Of every host, /run is a file system of its own, by this name (init.sh). */
const run = / \/run \S+ .*- tmpfs oo-run /;

export function requireHost(mounts = readFileSync('/proc/self/mountinfo', 'utf8')): void {
  if (run.test(mounts)) return;
  throw new Error(
    'This would change the machine itself: accounts, rules, /etc. It is for a disposable host; run: ' +
      'npm test -- NAME, or npm run host -- COMMAND. Nothing was done.',
  );
}
