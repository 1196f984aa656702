// Account files in a folder of the test's own: round trips of any accounts, calls that meet, and reasons in words.
// The editor itself, kills and full disks are tested without Node (native/test/accounts_test.cc).
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { addAccounts, findAccount, findAccountByUid, removeAccounts } from '../../src/native/accounts.js';
import type { AccountRequest } from '../../src/native/accounts.js';
import { observeEffects } from '../../src/native/effect.js';

const files = {
  passwd: 'root:x:0:0:root:/root:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/sh\n',
  group: 'root:x:0:\nbob:x:1001:\nstaff:x:1003:bob\n',
  shadow: 'root:*:1:0:99999:7:::\nbob:!:1::::::\n',
  gshadow: 'root:*::\nbob:!::\nstaff:!::bob\n',
};
const names = Object.keys(files) as (keyof typeof files)[];
const read = (directory: string): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, readFileSync(path.join(directory, name), 'utf8')]));

function request(name: string, more: Partial<AccountRequest> = {}): AccountRequest {
  return {
    name,
    range: { first: 1000, last: 1009 },
    gecos: 'guest',
    home: `/h/${name}`,
    shell: '/s',
    ...more,
  };
}

t.test('an account comes back as it was asked for, with the lowest free number', async (t) => {
  const directory = t.testdir(files);
  const [one, two] = await addAccounts([request('a'), request('b', { uid: 507 })], { directory });
  t.strictSame(one, { name: 'a', uid: 1000, gid: 1000, gecos: 'guest', home: '/h/a', shell: '/s' });
  t.equal(two?.uid, 507);
  await removeAccounts(['a', 'b', 'never-was'], { directory });
  t.strictSame(read(directory), files);
  const [again] = await addAccounts([request('c')], { directory });
  t.equal(again?.uid, 1000, 'given back');
});

t.test('any accounts go in and out again without a trace', async (t) => {
  const name = fc
    .stringMatching(/^[a-z0-9_][a-zA-Z0-9_.-]{0,30}$/)
    .filter((text) => !['root', 'bob', 'staff'].includes(text));
  const field = fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => text.replace(/[:\n\0]/g, ''));
  const batches = fc.uniqueArray(fc.tuple(name, field, field), { selector: ([text]) => text, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(batches, fc.integer({ min: 0, max: 12 }), fc.boolean(), async (list, cut, newline) => {
      const directory = t.testdir({ ...files, passwd: newline ? files.passwd : files.passwd.trimEnd() });
      const requests = list.map(([text, gecos, rest]) =>
        request(text, { gecos, home: `/${rest}`, range: { first: 1000, last: 60_000 } }),
      );
      const added = await addAccounts(requests, { directory });
      t.equal(new Set(added.map(({ uid }) => uid)).size, requests.length);
      const lines = readFileSync(path.join(directory, 'passwd'), 'utf8').trimEnd().split('\n').slice(2);
      added.forEach((account, index) => {
        const wanted = requests[index];
        const line = [account.name, 'x', account.uid, account.gid, wanted?.gecos, wanted?.home, '/s'].join(
          ':',
        );
        if (lines[index] !== line) throw new Error(`${lines[index]} is not ${line}`);
      });
      const all = added.map((account) => account.name);
      await removeAccounts(all.slice(0, cut), { directory });
      await removeAccounts(all, { directory });
      t.strictSame(
        read(directory),
        requests.length === 0 && !newline ? { ...files, passwd: files.passwd.trimEnd() } : files,
      );
    }),
    { numRuns: 60 },
  );
});

t.test('calls that meet are each all or nothing, and none is lost', async (t) => {
  const directory = t.testdir(files);
  const more = { range: { first: 2000, last: 9000 } };
  const calls = Array.from({ length: 100 }, (_, i) =>
    addAccounts(i % 10 === 9 ? [request(`x${i}`, more), request('bob')] : [request(`g${i}`, more)], {
      directory,
    }),
  );
  const results = await Promise.allSettled([...calls, removeAccounts(['bob'], { directory })]);
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 91);
  const passwd = readFileSync(path.join(directory, 'passwd'), 'utf8');
  t.equal(passwd.split('\n').length, 1 + 90 + 1);
  t.notMatch(passwd, /^x/m);
  const uids = passwd
    .split('\n')
    .slice(1, -1)
    .map((line) => Number(line.split(':')[2]));
  t.strictSame(new Set(uids).size, 90);
});

t.test('calls keep their order, and one that is mistaken spoils no other', async (t) => {
  const directory = t.testdir(files);
  const wrong = [request('w', { gecos: 5 as unknown as string })];
  const results = await Promise.allSettled([
    addAccounts([request('a')], { directory }),
    addAccounts(wrong, { directory }),
    removeAccounts(['a'], { directory }),
    removeAccounts(['../x'], { directory }),
    removeAccounts(['bob'], { directory }),
    addAccounts([request('a')], { directory }),
    addAccounts([request('bob')], { directory }),
    removeAccounts(['a', 'bob'], { directory }),
  ]);
  t.strictSame(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
  );
  t.strictSame(read(directory), {
    passwd: 'root:x:0:0:root:/root:/bin/bash\n',
    group: 'root:x:0:\nstaff:x:1003:\n',
    shadow: 'root:*:1:0:99999:7:::\n',
    gshadow: 'root:*::\nstaff:!::\n',
  });
});

t.test('each reason is a sentence with its code and step', async (t) => {
  const directory = t.testdir(files);
  const refused = (requests: AccountRequest[], code: string, step: string, message: RegExp) =>
    t.rejects(addAccounts(requests, { directory }), { name: 'NativeError', code, step, message });
  await refused([request('bob')], 'EEXIST', 'passwd', /named bob is there already; nothing was added/);
  await refused([request('staff')], 'EEXIST', 'left-over', /left over .* Remove the account first/);
  await refused([request('x', { uid: 1003 })], 'EADDRINUSE', 'uid', /uid or gid 1003 asked for x is taken/);
  await refused([request('x', { uid: 0 })], 'EINVAL', 'uid', /uid 0 cannot be given to x/);
  await refused(
    [request('x', { range: { first: 1001, last: 1001 } })],
    'ENOSPC',
    'uid-range',
    /between 1001 and 1001/,
  );
  await refused([request('x\ny')], 'EINVAL', 'name', /not added/);
  await refused([request('x', { gecos: 'a:b' })], 'EINVAL', 'gecos', /not added/);
  await t.rejects(addAccounts([request('x\0')], { directory }), TypeError);
  await t.rejects(addAccounts([request('x', { range: undefined })], { directory }), TypeError);
  await t.rejects(addAccounts([request('x')], { directory: '/nonexistent' }), { code: 'ENOENT' });
  await t.rejects(removeAccounts(['../x'], { directory }), { code: 'EINVAL', step: 'name' });
  t.strictSame(read(directory), files);
  const [still] = await addAccounts([request('x')], { directory });
  t.equal(still?.uid, 1000, 'the queue goes on after failures');
});

t.test('an add and a removal are one effect each, and a prevented one changes nothing', async (t) => {
  const directory = t.testdir(files);
  const seen: string[] = [];
  observeEffects((name, detail) => {
    seen.push(`${name} ${detail}`);
    if (detail === 'no') throw new Error('prevented');
  });
  t.teardown(() => observeEffects(undefined));
  await addAccounts([request('a'), request('b')], { directory });
  await removeAccounts(['a'], { directory });
  await t.rejects(async () => addAccounts([request('no')], { directory }), { message: 'prevented' });
  t.strictSame(seen, ['accounts.add a b', 'accounts.remove a', 'accounts.add no']);
  t.notMatch(readFileSync(path.join(directory, 'passwd'), 'utf8'), /^no:/m);
});

t.test('odd account files stop the edit and stay as they are', async (t) => {
  const directory = t.testdir({ ...files, shadow: t.fixture('symlink', '/etc/shadow') });
  await t.rejects(addAccounts([request('a')], { directory }), { code: 'ELOOP' });
  t.equal(readFileSync(path.join(directory, 'passwd'), 'utf8'), files.passwd);
  const nis = t.testdir({ ...files, passwd: `${files.passwd}+::::::\n` });
  await addAccounts([request('a')], { directory: nis });
  t.match(readFileSync(path.join(nis, 'passwd'), 'utf8'), /\na:x:1000:1000:guest:\/h\/a:\/s\n\+::::::\n$/);
  writeFileSync(path.join(nis, 'passwd'), 'garbage\0\n::\n');
  const [account] = await addAccounts([request('b')], { directory: nis });
  t.equal(account?.uid, 1002, 'group still knows a');
});

t.test('the name service answers', (t) => {
  t.match(findAccount('root'), { name: 'root', uid: 0, gid: 0, home: '/root' });
  t.equal(findAccountByUid(0)?.name, 'root');
  t.equal(findAccount('no-such-account'), undefined);
  t.equal(findAccount(''), undefined);
  t.throws(() => findAccount('a\0b'), TypeError);
  t.throws(() => findAccountByUid(-1), TypeError);
  t.end();
});
