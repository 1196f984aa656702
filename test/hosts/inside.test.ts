import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { requireHost } from './inside.js';

const tests = fileURLToPath(new URL('../../../test/', import.meta.url));

/** Does a file, or one that it imports, have the lock? */
function reachesLock(file: string, seen = new Set<string>()): boolean {
  if (file === join(tests, 'hosts/inside.ts')) return true;
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const imports = readFileSync(file, 'utf8').matchAll(/(?:from|import) '(\.{1,2}\/[^']+)\.js'/g);
  return [...imports].some(([, path = '']) => reachesLock(join(dirname(file), `${path}.ts`), seen));
}

t.test('every test and benchmark for a host is behind the lock', async (t) => {
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' });
  const forHosts = files.filter((file) => /\.(host\.test|bench)\.ts$/.test(file));
  t.ok(forHosts.length > 30, `${forHosts.length} files`);
  t.same(
    forHosts.filter((file) => !reachesLock(join(tests, file))),
    [],
  );
});

t.test('a machine is no host, and a host is one', async (t) => {
  const machine = '25 1 0:23 / /run rw,nosuid,nodev shared:5 - tmpfs tmpfs rw,size=813952k,mode=755\n';
  const inside =
    '97 94 0:60 / /dev rw - tmpfs oo-dev rw\n98 94 0:61 / /run rw,nosuid - tmpfs oo-run rw,mode=755\n';
  t.throws(() => requireHost(machine), /This would change the machine itself/);
  t.throws(() => requireHost('98 94 0:61 / /runner rw - tmpfs oo-run rw\n'));
  t.throws(() => requireHost(''));
  t.doesNotThrow(() => requireHost(inside));
});
