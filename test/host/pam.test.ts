import fc from 'fast-check';
import t from 'tap';
import { hasPamBlock, insertPamBlock, pamBlock, removePamBlock } from '../../src/host/pam.js';

const module = {
  path: '/usr/libexec/openshift/pam_oo.so',
  confinementDir: '/var/lib/openshift/.confinement',
  gecos: 'OpenShift guest',
};

const debian = `@include common-auth
account    required     pam_nologin.so
session [success=ok ignore=ignore module_unknown=ignore default=bad]        pam_selinux.so close
session    required     pam_loginuid.so
session    optional     pam_keyinit.so force revoke
# Standard Un*x session setup and teardown.
@include common-session
session    optional     pam_motd.so  motd=/run/motd.dynamic
session    required     pam_env.so user_readenv=1 envfile=/etc/default/locale
session [success=ok ignore=ignore module_unknown=ignore default=bad]        pam_selinux.so open
@include common-password
`;

const fedora = `#%PAM-1.0
auth       substack     password-auth
password   include      password-auth
# pam_selinux.so close should be the first session rule
session    required     pam_selinux.so close
session    required     pam_loginuid.so
session    required     pam_selinux.so open env_params
session    required     pam_namespace.so
session    optional     pam_keyinit.so force revoke
session    include      password-auth
`;

const before = (text: string, line: string): boolean => {
  const lines = insertPamBlock(text, module).split('\n');
  return lines[lines.indexOf('# END oo-node') + 1] === line;
};

t.test('the block stands before the stack that would start a user manager (Debian)', (t) => {
  t.ok(before(debian, '@include common-session'));
  t.end();
});

t.test('the block stands before the label is set and the included stack (Fedora)', (t) => {
  t.ok(before(fedora, 'session    required     pam_selinux.so open env_params'));
  t.end();
});

t.test('a stack that names pam_systemd itself gets the block before it', (t) => {
  t.ok(
    before(
      'session required pam_loginuid.so\n-session optional pam_systemd.so\n',
      '-session optional pam_systemd.so',
    ),
  );
  t.end();
});

t.test('the block is one line that ends the stack for gears and fails closed', (t) => {
  t.equal(
    pamBlock(module).split('\n')[1],
    'session [success=done ignore=ignore module_unknown=ignore default=die] /usr/libexec/openshift/pam_oo.so ' +
      'dir=/var/lib/openshift/.confinement gecos=OpenShift_guest',
  );
  t.end();
});

t.test('twice is once, and removal gives back every byte', (t) => {
  const line = fc.constantFrom(...debian.split('\n'), ...fedora.split('\n'), '', ' ', 'session', '\\');
  fc.assert(
    fc.property(fc.array(line), fc.boolean(), (lines, final) => {
      const text = lines.join('\n') + (final ? '\n' : '');
      const once = insertPamBlock(text, module);
      return (
        hasPamBlock(once) &&
        insertPamBlock(once, module) === once &&
        removePamBlock(once) === text &&
        !hasPamBlock(text)
      );
    }),
  );
  t.equal(removePamBlock(insertPamBlock(debian, module)), debian);
  t.equal(removePamBlock(debian), debian);
  t.end();
});

t.test('another directory replaces the block in place', (t) => {
  const moved = { ...module, confinementDir: '/srv/gears/.confinement' };
  t.equal(insertPamBlock(insertPamBlock(debian, module), moved), insertPamBlock(debian, moved));
  t.end();
});

t.test('a damaged block is not guessed at', (t) => {
  const text = insertPamBlock(debian, module).replace('# END oo-node\n', '');
  t.throws(() => removePamBlock(text), { code: 'ERR_PAM_BLOCK' });
  t.end();
});

t.test('a path that PAM would read as several words or a comment is refused', (t) => {
  for (const path of ['/a b', '/a\nb', '/a[b', '/a]b', '']) {
    t.throws(() => pamBlock({ ...module, path }), { code: 'ERR_PAM_WORD' }, JSON.stringify(path));
  }
  t.end();
});
