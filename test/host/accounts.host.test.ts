// Accounts in the real /etc of a disposable host, beside the distribution's own tools.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import t from 'tap';
import {
  createAccount,
  createAccounts,
  deleteAccounts,
  findAccount,
  findAccountByUid,
} from '../../src/host/accounts.js';
import type { AccountRequest } from '../../src/host/accounts.js';
import { requireHost } from '../hosts/inside.js';

requireHost();
const request = (name: string, more: Partial<AccountRequest> = {}): AccountRequest => ({
  name,
  range: { first: 5000, last: 20_000 },
  gecos: 'OpenShift guest',
  home: `/var/lib/openshift/${name}`,
  shell: '/bin/sh',
  ...more,
});
const files = ['passwd', 'group', 'shadow', 'gshadow'];
const dump = () =>
  files.map((name) => {
    const { mode, uid, gid } = statSync(`/etc/${name}`);
    return [name, mode, uid, gid, readFileSync(`/etc/${name}`, 'utf8')];
  });
const checked = (tool: string): void => void execFileSync(tool, ['-r', '-q'], { stdio: 'pipe' });
async function ended(command: string, ...args: string[]): Promise<number> {
  const child = spawn(command, args, { stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

t.test('an account is what every program sees, and its end leaves no trace', async (t) => {
  const before = dump();
  const account = await createAccount(request('gear1'));
  t.strictSame(findAccount('gear1'), account);
  t.strictSame(findAccountByUid(account.uid), account);
  t.equal(
    execFileSync('id', ['gear1'], { encoding: 'utf8' }).trim(),
    'uid=5000(gear1) gid=5000(gear1) groups=5000(gear1)',
  );
  t.match(
    execFileSync('passwd', ['-S', 'gear1'], { encoding: 'utf8' }),
    /^gear1 L \S+ -1 -1 -1 -1/,
    'locked, no ageing',
  );
  t.match(execFileSync('getent', ['gshadow', 'gear1'], { encoding: 'utf8' }), /^gear1:!::/);
  checked('grpck');
  await deleteAccounts(['gear1']);
  t.equal(findAccount('gear1'), undefined);
  t.strictSame(dump(), before);
  t.strictSame(
    readdirSync('/etc').filter((name) => name.endsWith('+')),
    [],
  );
});

t.test('useradd and userdel beside us lose nothing, neither theirs nor ours', async (t) => {
  const before = dump();
  const ours = Array.from({ length: 40 }, (_, i) => `our${i}`);
  const theirs = Array.from({ length: 12 }, (_, i) => `their${i}`);
  const results = await Promise.all([
    (async () => {
      for (const name of ours) await createAccount(request(name));
      return 0;
    })(),
    (async () => {
      for (const name of theirs)
        if ((await ended('useradd', '-M', '-K', 'SUB_UID_COUNT=0', name)) !== 0) return 1;
      return 0;
    })(),
  ]);
  t.strictSame(results, [0, 0]);
  for (const name of [...ours, ...theirs]) t.ok(findAccount(name), name);
  checked('grpck');
  t.equal(await ended('userdel', 'our0'), 0, 'userdel understands what we wrote');
  await deleteAccounts([...theirs, ...ours]);
  t.strictSame(dump(), before);
});

t.test('vipw holds the lock: we wait, and go on when it is done', async (t) => {
  const editor = spawn('vipw', ['-q'], { env: { ...process.env, EDITOR: 'sleep 1; true' }, stdio: 'ignore' });
  const exit = once(editor, 'exit');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const began = performance.now();
  await createAccount(request('waiter'));
  t.ok(performance.now() - began > 300, 'waited');
  await exit;
  t.ok(findAccount('waiter'));
  await deleteAccounts(['waiter']);
});

t.test('one account costs little, however many there are', async (t) => {
  const before = dump();
  const name = (i: number): string => i.toString(16).padStart(24, '0');
  const cost: Record<number, number> = {};
  let present = 0;
  for (const wanted of [10, 1000, 5000]) {
    await createAccounts(Array.from({ length: wanted - present }, (_, i) => request(name(present + i))));
    present = wanted;
    const times: number[] = [];
    for (let round = 0; round < 31; round += 1) {
      const began = performance.now();
      await createAccount(request('one'));
      times.push(performance.now() - began);
      await deleteAccounts(['one']);
    }
    cost[wanted] = times.sort((a, b) => a - b)[15] ?? 0;
  }
  t.comment(
    `median ms to add one at ${Object.entries(cost)
      .map(([n, ms]) => `${n}: ${ms.toFixed(2)}`)
      .join(', ')}`,
  );
  // Not a figure to be proud of, a limit that only a scan gone wrong would cross on a busy machine.
  t.ok((cost[5000] ?? 1e9) < 50, JSON.stringify(cost));
  t.equal(findAccountByUid(9999)?.name, name(4999));
  await deleteAccounts(Array.from({ length: present }, (_, i) => name(i)));
  t.strictSame(dump(), before);
});
