// Which addresses an application's code may come from, and what a refused one is told.
import t from 'tap';
import { cloneFailed, parseSourceUrl } from '../../src/deploy/source-url.js';

t.test('network addresses pass, with the reference split off and the password hidden', (t) => {
  t.match(parseSourceUrl('https://github.com/a/b.git'), {
    url: 'https://github.com/a/b.git',
    ref: undefined,
    overSsh: false,
  });
  t.match(parseSourceUrl('git://h.example.com/x#v1.0'), { url: 'git://h.example.com/x', ref: 'v1.0' });
  t.match(parseSourceUrl('git@github.com:a/b.git#HEAD~2'), {
    url: 'git@github.com:a/b.git',
    ref: 'HEAD~2',
    overSsh: true,
  });
  t.match(parseSourceUrl('ssh://git@h.example.com:2222/x.git'), { overSsh: true });
  t.equal(parseSourceUrl('https://me:secret@h.example.com/x').shown, 'https://me:***@h.example.com/x');
  t.end();
});

t.test('everything that could read this host, be an option or a second line is refused with 130', (t) => {
  const bad = [
    'file:///etc',
    '/var/lib/openshift',
    '../x',
    'ext::sh -c id',
    'ext::sh',
    'fd::3',
    'rsync://h/x',
    'javascript://h/x',
    '',
    'x',
    '-u',
    '--upload-pack=id',
    'https://',
    'https:///x',
    'ssh://-oProxyCommand=id/x',
    '-oProxyCommand=id:x',
    'https://h/x y',
    'https://h/x\n',
    'https://h/\0',
    'https://h/x#-b',
    'https://h/x#a#b',
    'https://h/x#a;b',
    'git@h:',
    'host::path',
    'HTTPS+evil://h/x',
  ];
  for (const url of bad)
    t.throws(
      () => parseSourceUrl(url),
      { exitCode: 130, message: /^CLIENT_ERROR: The provided source code repository URL / },
      JSON.stringify(url),
    );
  t.throws(() => parseSourceUrl('file:///etc'), { message: /protocol must be one of: git, http, https/ });
  t.end();
});

t.test('a failed clone is 131 in the words the broker knows', (t) => {
  const error = cloneFailed(parseSourceUrl('https://u:p@h.example.com/x'), 'said');
  t.equal(error.exitCode, 131);
  t.equal(
    error.message,
    "CLIENT_ERROR: Source code repository could not be cloned: 'https://u:***@h.example.com/x'.  Please verify the repository is correct and contact support.",
  );
  t.match(cloneFailed(parseSourceUrl('git@h.example.com:x'), '').message, /HTTPS/);
  t.end();
});
