// What may stand in an account is decided in words before anything is locked.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { createAccount, createAccounts, deleteAccounts } from '../../src/host/accounts.js';
import type { AccountRequest } from '../../src/host/accounts.js';

const files = { passwd: 'root:x:0:0:root:/root:/bin/bash\n', group: 'root:x:0:\n' };
const good: AccountRequest = { name: 'a', uid: 1000, gecos: 'Guest', home: '/h/a', shell: '/bin/sh' };

t.test('what cannot stand in a line is refused with a sentence', async (t) => {
  const directory = t.testdir(files);
  const bad: readonly [Partial<AccountRequest>, RegExp][] = [
    [{ name: '' }, /name is empty/],
    [{ name: 'x'.repeat(33) }, /longer than 32/],
    [{ name: '-x' }, /letter or digit first/],
    [{ name: '../x' }, /must be of letters/],
    [{ name: 'a:b' }, /must be of letters/],
    [{ name: 'a\nb' }, /must be of letters/],
    [{ name: 'a\0' }, /must be of letters/],
    [{ name: 5 as unknown as string }, /must be a text/],
    [{ gecos: 'a:b' }, /comment must not hold a colon/],
    [{ gecos: 'a\nroot2:x:0:0::/:/bin/sh' }, /comment must not hold/],
    [{ home: 'h' }, /home must be an absolute path/],
    [{ home: '/h/../../etc' }, /home must not hold "\.\."/],
    [{ shell: '' }, /shell must be an absolute path/],
    [{ shell: '/bin/sh\0' }, /shell must not hold/],
    [{ uid: 0 }, /uid must be at least 1/],
    [{ uid: -5 }, /at least 1/],
    [{ uid: 1.5 }, /whole number/],
    [{ uid: Number.NaN }, /must be a number/],
    [{ uid: 65_535 }, /65535/],
    [{ uid: 4_294_967_295 }, /at most 4294967294/],
    [{ uid: undefined }, /neither a uid nor a range/],
    [{ uid: undefined, range: { first: 5, last: 4 } }, /range of uids is empty/],
    [{ uid: undefined, range: { first: 0, last: 4 } }, /first uid must be at least 1/],
  ];
  for (const [change, message] of bad) {
    const error = { name: 'OoError', code: 'ERR_ACCOUNT_INVALID', message };
    await t.rejects(createAccount({ ...good, ...change }, { directory }), error);
    await t.rejects(createAccounts([good, { ...good, ...change }], { directory }), error);
  }
  await t.rejects(deleteAccounts(['a', '../b'], { directory }), { code: 'ERR_ACCOUNT_INVALID' });
  t.equal(readFileSync(path.join(directory, 'passwd'), 'utf8'), files.passwd);
});

t.test('a good account is made and deleted, without shadow files too', async (t) => {
  const directory = t.testdir(files);
  t.strictSame(await createAccount(good, { directory }), { ...good, gid: 1000 });
  t.equal(
    readFileSync(path.join(directory, 'passwd'), 'utf8'),
    `${files.passwd}a:*:1000:1000:Guest:/h/a:/bin/sh\n`,
  );
  await deleteAccounts(['a'], { directory });
  await deleteAccounts(['a'], { directory });
  t.equal(readFileSync(path.join(directory, 'passwd'), 'utf8'), files.passwd);
});

t.test('a name of digits only is a name like any other', async (t) => {
  const directory = t.testdir(files);
  const account = await createAccount({ ...good, name: '123456789012345678901234' }, { directory });
  t.equal(account.name, '123456789012345678901234');
});
