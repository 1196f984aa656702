/** What hooks print: trusted lines pass, others become messages, and nothing can forge a line. */
import * as fc from 'fast-check';
import t from 'tap';
import {
  checkedOutput,
  configureExitCode,
  failureOutput,
  type HookKind,
} from '../../src/cartridge/output.js';

const verbs = [
  'CLIENT_RESULT: x',
  'APP_INFO: x',
  'ATTR: a=b',
  'CART_DATA: a=b=c',
  'CART_PROPERTIES: connection_url=mysql://1:2/',
  `SSH_KEY_ADD: ${'A'.repeat(40)}=`,
  `APP_SSH_KEY_ADD: haproxy ${'A'.repeat(40)}`,
  'APP_SSH_KEY_REMOVE: haproxy',
  'ENV_VAR_ADD: A=b',
  'APP_ENV_VAR_REMOVE: OPENSHIFT_DB_HOST',
  'BROKER_AUTH_KEY_ADD: ',
];

t.test('an installed script may say everything in its exact form', async (t) => {
  for (const kind of ['setup', 'install', 'post_install', 'teardown'] as const)
    t.equal(checkedOutput(kind, `${verbs.join('\n')}\n`), `${verbs.join('\n')}\n`, kind);
});

t.test('a line in a wrong form, or of the node alone, becomes a message', async (t) => {
  for (const line of [
    'ENV_VAR_ADD: A B=c',
    'ENV_VAR_ADD:A=b',
    'SSH_KEY_ADD: ssh-rsa AAAA',
    'APP_ENV_VAR_REMOVE: a b',
    'ATTR: x',
    'NOTIFY_ENDPOINT_CREATE: {}',
  ])
    t.equal(checkedOutput('install', line), `CLIENT_MESSAGE: ${line}\n`);
  t.equal(checkedOutput('install', ' ENV_VAR_ADD: A=b\nplain\n'), ' ENV_VAR_ADD: A=b\nplain\n');
});

t.test('control speaks to the client only, a tenant in messages only', async (t) => {
  t.equal(
    checkedOutput('control', 'httpd (pid 7) already running\nENV_VAR_ADD: A=b\nCLIENT_ERROR: e\n'),
    'httpd (pid 7) already running\nCLIENT_MESSAGE: ENV_VAR_ADD: A=b\nCLIENT_ERROR: e\n',
  );
  t.equal(
    checkedOutput('action-hook', 'CLIENT_RESULT: x\nSSH_KEY_ADD: y\n'),
    'CLIENT_MESSAGE: x\nCLIENT_MESSAGE: SSH_KEY_ADD: y\n',
  );
});

t.test('no character ends, hides or forges a line', async (t) => {
  t.equal(
    checkedOutput('control', 'a\rSSH_KEY_ADD: x\0\u2028ENV_VAR_ADD: A=b\x1b[0m'),
    'a\nCLIENT_MESSAGE: SSH_KEY_ADD: xENV_VAR_ADD: A=b[0m\n',
  );
  t.equal(
    checkedOutput('install', 'ENV_VAR_ADD: A=b\nENV_VAR_ADD: A=bc', true),
    'ENV_VAR_ADD: A=b\nCLIENT_MESSAGE: ENV_VAR_ADD: A=bc\nCLIENT_MESSAGE: (The output was longer; it was cut here.)\n',
  );
  const acts =
    /^(APP_INFO|ATTR|CART_DATA|CART_PROPERTIES|(APP_)?SSH_KEY_\w+|(APP_)?ENV_VAR_\w+|BROKER_AUTH_KEY_\w+):/;
  const piece = fc.oneof(fc.constantFrom(...verbs, '\n', '\r', '\0', '\u2028', ' '), fc.string());
  fc.assert(
    fc.property(
      fc.array(piece),
      fc.constantFrom<HookKind>('control', 'connector', 'action-hook'),
      (parts, kind) => {
        return checkedOutput(kind, parts.join(''))
          .split(/[\n\r\u2028\u2029\x85]/)
          .every((line) => !acts.test(line));
      },
    ),
  );
});

t.test('a failure is told to the client, stdout as messages, stderr as errors', async (t) => {
  t.equal(
    failureOutput('a\nCLIENT_RESULT: b\nENV_VAR_ADD: A=b\n', 'c\n'),
    'CLIENT_MESSAGE: a\nCLIENT_RESULT: b\nCLIENT_MESSAGE: ENV_VAR_ADD: A=b\nCLIENT_ERROR: c\n',
  );
  t.equal(failureOutput('', ''), '');
  t.same([undefined, 1, 99, 100, 140].map(configureExitCode), [157, 157, 157, 100, 140]);
});
