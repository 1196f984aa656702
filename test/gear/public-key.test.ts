/** Public keys: what sshd can read is accepted, everything that could be more than a key is not. */
import t from 'tap';
import { execa } from 'execa';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatKey, keyId, parseKeys } from '../../src/gear/keys.js';
import { checkPublicKey, keyTypes } from '../../src/gear/public-key.js';

const shell = '/usr/libexec/openshift/oo-login';

async function generate(dir: string, type: string, bits: string): Promise<readonly [string, string]> {
  const file = join(dir, `key-${type}-${bits}`);
  await execa('ssh-keygen', [
    '-q',
    '-t',
    type,
    ...(bits === '' ? [] : ['-b', bits]),
    '-N',
    '',
    '-C',
    'c',
    '-f',
    file,
  ]);
  const [name = '', key = ''] = readFileSync(`${file}.pub`, 'utf8').split(' ');
  return [name, key];
}

t.test('keys that ssh-keygen makes pass, and cut or lengthened ones do not', async (t) => {
  const dir = t.testdir({});
  for (const [type, bits] of [
    ['rsa', '2048'],
    ['ed25519', ''],
    ['ecdsa', '256'],
    ['ecdsa', '384'],
    ['ecdsa', '521'],
  ] as const) {
    const [name, key] = await generate(dir, type, bits);
    t.ok(keyTypes.includes(name));
    t.doesNotThrow(() => checkPublicKey(name, key), `${name}`);
    const blob = Buffer.from(key, 'base64');
    for (const length of [0, 3, 4, 10, blob.length - 1]) {
      t.throws(() => checkPublicKey(name, blob.subarray(0, length).toString('base64')), {
        code: 'ERR_BAD_KEY',
      });
    }
    t.throws(() => checkPublicKey(name, Buffer.concat([blob, Buffer.from([0])]).toString('base64')));
    t.throws(() => checkPublicKey(name === 'ssh-rsa' ? 'ssh-ed25519' : 'ssh-rsa', key), {
      code: 'ERR_BAD_KEY',
    });
  }
});

t.test('our verdict is that of ssh-keygen -l, over keys with damaged lengths', async (t) => {
  const dir = t.testdir({});
  const [name, key] = await generate(dir, 'rsa', '2048');
  const blob = Buffer.from(key, 'base64');
  for (const at of [0, 3, 10, 11, 14, 15, 18, 19, 21]) {
    const damaged = Buffer.from(blob);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    const text = damaged.toString('base64');
    const { exitCode } = await execa('ssh-keygen', ['-l', '-f', '-'], {
      input: `${name} ${text}\n`,
      reject: false,
    });
    let accepted = true;
    try {
      checkPublicKey(name, text);
    } catch {
      accepted = false;
    }
    if (exitCode !== 0) t.notOk(accepted, `byte ${at}: what ssh-keygen refuses is refused`);
  }
});

t.test('the seed key passes', async (t) => {
  const seed =
    'AAAAB3NzaC1yc2EAAAADAQABAAABAQDhZfWE2M4jp0ql9E5kzzC73ysqDwaxSHnY/oJhahKe+9r/onjanjNZ74AU1h9WKERVnh9T9c6hDHF6fIKX77zWma393e5XsUAR/WMqaRcFlog/vwuI4FKvQWDXlTwyd+51cQbDhY+FXTOT5T3Sea6yb3v1M3Mx59szws8wBTNIMBBjwCX0FG/7ZlvvEae5GzHhRtHPq/AfRn77AEaFyadPhK57+Bl7Lt1+UMXmXxh8B4L6prc55i1r6pgkwxGbV2YYYJ48awgzCsBnPy/MUCn9iRewNzaEEBjw6XOrpf9ORZpxFIYHAPBTFxqVIVDN6sK8rtgH5c8u53YOzYmUcM29';
  t.doesNotThrow(() => checkPublicKey('ssh-rsa', seed));
  t.equal(
    formatKey(shell, 'u1', { type: 'ssh-rsa', key: seed, comment: 'default' }),
    `command="${shell}",restrict,pty ssh-rsa ${seed} OPENSHIFT-u1-default`,
  );
});

t.test('nothing but a key gets through', async (t) => {
  const dir = t.testdir({});
  const [name, key] = await generate(dir, 'ed25519', '');
  const bad = [
    '',
    ' ',
    `${key}\n`,
    `${key} `,
    ` ${key}`,
    `${key}\nssh-rsa AAAA`,
    `command="id" ${name} ${key}`,
    `${key}=`,
    `${key}"`,
    `${key},pty`,
    `${key}\0`,
    '====',
    'AAAA',
    `${name} ${key}`,
    'A'.repeat(20_000),
    key.replace(/A/, '-'),
  ];
  for (const text of bad)
    t.throws(
      () => checkPublicKey(name, text),
      { code: 'ERR_BAD_KEY', exitCode: 255 },
      JSON.stringify(text.slice(0, 30)),
    );
  for (const type of [
    '',
    'ssh-rsa\n',
    'ssh-dss',
    'ssh-rsa,pty',
    'constructor',
    '__proto__',
    'ssh-rsa-cert-v01@openssh.com',
    'x'.repeat(500),
  ]) {
    t.throws(() => checkPublicKey(type, key), { code: 'ERR_BAD_KEY' }, JSON.stringify(type));
  }
  for (const comment of ['a\nb', 'a\rb', 'a\0b', ' a', 'a ', '\u2028', 'x'.repeat(300), '\u0085']) {
    t.throws(() => keyId('u', comment), { code: 'ERR_BAD_KEY' }, encodeURIComponent(comment));
  }
});

t.test('lines come back as they were, comments with blanks and an empty comment included', async (t) => {
  const dir = t.testdir({});
  const [type, key] = await generate(dir, 'ed25519', '');
  for (const comment of ['default', '', 'two words', 'a"b', 'command="x"', '#']) {
    const line = formatKey(shell, 'u1', { type, key, comment });
    t.same(parseKeys(`${line}\n`), [{ type, key, id: `OPENSHIFT-u1-${comment}` }], JSON.stringify(comment));
  }
  t.same(parseKeys('\n# comment\nssh-rsa AAAA x\n'), []);
});
