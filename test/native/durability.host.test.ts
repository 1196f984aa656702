// Power cuts: after each call that promises durability, the disk as the device has it at that moment is copied, mounted
// as after a crash (the journal is replayed), and must hold what was promised. What promises nothing is lost in the
// same test, which shows that the copy is taken early enough to tell.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { addAccounts, removeAccounts } from '../../src/native/accounts.js';
import { Directory } from '../../src/native/beneath.js';
import { requireHost } from '../hosts/inside.js';

requireHost();

const base = '/var/lib/oo-durability';
const disk = path.join(base, 'disk');
const [image, copy, crashed] = ['image', 'copy', 'crashed'].map((name) => path.join(base, name)) as [
  string,
  string,
  string,
];

function mounted(): boolean {
  mkdirSync(disk, { recursive: true });
  mkdirSync(crashed);
  try {
    execFileSync('truncate', ['-s', '24M', image]);
    execFileSync('mkfs.ext4', ['-q', image]);
    execFileSync('mount', ['-o', 'loop', image, disk], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

/** Does the promise hold on the disk of this moment? */
function afterCrash(holds: (root: string) => boolean): boolean {
  execFileSync('cp', ['--sparse=always', image, copy]);
  execFileSync('mount', ['-o', 'loop', copy, crashed]);
  try {
    return holds(crashed);
  } finally {
    execFileSync('umount', [crashed]);
  }
}

const content = (file: string): string | undefined =>
  existsSync(file) ? readFileSync(file, 'utf8') : undefined;

t.test('what was promised is on the disk', { skip: !mounted() && 'no loop device here' }, async (t) => {
  const etc = path.join(disk, 'etc');
  mkdirSync(etc);
  for (const file of ['passwd', 'group', 'shadow', 'gshadow'])
    copyFileSync(`/etc/${file}`, path.join(etc, file));
  {
    using directory = Directory.open(disk);
    for (let i = 0; i < 6; i += 1) {
      const text = `${'x'.repeat(i * 7000)}${i}`;
      directory.write(`f${i % 3}`, text, { mode: 0o600, owner: { uid: 7, gid: 8 } });
      const holds = (root: string): boolean =>
        content(`${root}/f${i % 3}`) === text && statSync(`${root}/f${i % 3}`).uid === 7;
      t.ok(afterCrash(holds), `write ${i}`);
    }
    for (let i = 0; i < 3; i += 1) {
      await addAccounts([{ name: `a${i}`, uid: 5000 + i, gecos: '', home: '/h', shell: '/s' }], {
        directory: etc,
      });
      const holds = (root: string): boolean =>
        ['passwd', 'group', 'shadow', 'gshadow'].every((file) =>
          content(`${root}/etc/${file}`)?.includes(`\na${i}:`),
        );
      t.ok(afterCrash(holds), `account ${i}`);
    }
    await removeAccounts(['a0', 'a1'], { directory: etc });
    t.ok(
      afterCrash((root) => content(`${root}/etc/passwd`)?.includes('\na0:') === false),
      'removal',
    );
    directory.makeDirectory('home', { mode: 0o750 });
    directory.makeDirectory('home/env', { mode: 0o750 });
    const files = Array.from({ length: 20 }, (_, i) => [`home/env/${i}`, 'v'.repeat(i * 300 + 1)] as const);
    for (const [file, text] of files) directory.write(file, text, { mode: 0o640, durable: false });
    await directory.settle('home');
    t.ok(
      afterCrash((root) => files.every(([file, text]) => content(`${root}/${file}`) === text)),
      'settle',
    );
    directory.write('unpromised', 'text', { mode: 0o600, durable: false });
    t.notOk(
      afterCrash((root) => content(`${root}/unpromised`) === 'text'),
      'the test can tell',
    );
  }
  execFileSync('umount', [disk]);
});
