/** Variables: names, values, both file forms, and how PATH is put together. */
import t from 'tap';
import { composePaths } from '../../src/gear/path-elements.js';
import { creationEnvironment } from '../../src/gear/creation-environment.js';
import { parseAppName, parseGearUuid, parseNamespace } from '../../src/gear/identity.js';
import {
  mayUserSet,
  parseVariableName,
  parseVariableValue,
  requireUnprotected,
} from '../../src/gear/variable.js';
import { variableValue } from '../../src/node/global-environment.js';

t.test('names of variables', async (t) => {
  for (const name of ['A', '_', 'a_1', 'OPENSHIFT_MYSQL_DB_URL']) t.equal(parseVariableName(name), name);
  for (const name of [
    '',
    '1A',
    'A-B',
    '../X',
    'A/B',
    'A\n',
    'A=B',
    'A B',
    'Ä',
    '.',
    '..',
    'A'.repeat(129),
    'A\0',
  ]) {
    t.throws(
      () => parseVariableName(name),
      { code: 'ERR_BAD_VARIABLE', exitCode: 255 },
      JSON.stringify(name),
    );
  }
});

t.test('values of variables', async (t) => {
  for (const value of ['', 'a\nb', '"quoted"', '$(id)', 'ü', 'x'.repeat(32_768)])
    t.equal(parseVariableValue(value), value);
  t.throws(() => parseVariableValue('a\0b'), { message: /./, exitCode: 255 });
  t.throws(() => parseVariableValue('x'.repeat(32_769)), { message: /./, exitCode: 255 });
});

t.test('the platform keeps its own names', async (t) => {
  for (const name of ['OPENSHIFT_GEAR_UUID', 'HOME', 'PATH', 'OPENSHIFT_PHP_IDENT']) {
    t.throws(() => requireUnprotected(name), { message: /./, exitCode: 255 }, name);
  }
  t.doesNotThrow(() => requireUnprotected('OPENSHIFT_MYSQL_DB_HOST'));
  for (const name of ['PATH', 'LD_PRELOAD', 'BASH_ENV', 'OPENSHIFT_X_IDENT', 'BASH_FUNC_x'])
    t.notOk(mayUserSet(name), name);
  t.ok(mayUserSet('MY_SETTING'));
});

t.test('both forms of a file', async (t) => {
  t.equal(variableValue('A', 'raw value'), 'raw value');
  t.equal(variableValue('A', 'raw value\n'), 'raw value');
  t.equal(variableValue('A', 'raw\n\n'), 'raw\n');
  t.equal(variableValue('A', "export A='old form'"), 'old form');
  t.equal(variableValue('A', 'export A="old form"\n'), 'old form');
  t.equal(variableValue('A', 'export A=bare'), 'bare');
  t.equal(variableValue('A', "export B='other'"), "export B='other'");
  t.equal(variableValue('A', 'nul\0byte'), 'nulbyte');
});

t.test('PATH: the primary first, the others, the system last', async (t) => {
  const variables: Record<string, string> = {
    PATH: '/bin:/usr/bin',
    OPENSHIFT_MYSQL_PATH_ELEMENT: '/mysql/bin',
    OPENSHIFT_PHP_PATH_ELEMENT: '/php/bin',
    OPENSHIFT_PHP_LD_LIBRARY_PATH_ELEMENT: '/php/lib',
    OPENSHIFT_MYSQL_LD_LIBRARY_PATH_ELEMENT: '/mysql/lib',
  };
  composePaths(variables, 'php', '/system');
  t.equal(variables['PATH'], '/php/bin:/mysql/bin:/bin:/usr/bin');
  t.equal(variables['LD_LIBRARY_PATH'], '/mysql/lib:/php/lib');
  const bare: Record<string, string> = {};
  composePaths(bare, undefined, '/system');
  t.same(bare, { PATH: '/system' });
});

t.test('the variables a gear is born with', async (t) => {
  const variables = creationEnvironment(
    {
      uuid: parseGearUuid('u1'),
      appUuid: parseGearUuid('a1'),
      name: parseAppName('gear1'),
      appName: parseAppName('phpapp'),
      namespace: parseNamespace('demo'),
    },
    '/var/lib/openshift/u1',
    'example.com',
    536_870_912,
  );
  t.match(variables, {
    OPENSHIFT_APP_DNS: 'phpapp-demo.example.com',
    OPENSHIFT_GEAR_DNS: 'gear1-demo.example.com',
    OPENSHIFT_HOMEDIR: '/var/lib/openshift/u1/',
    OPENSHIFT_REPO_DIR: '/var/lib/openshift/u1/app-root/runtime/repo/',
    OPENSHIFT_GEAR_MEMORY_MB: '512',
    OPENSHIFT_TMP_DIR: '/tmp/',
  });
  t.notOk('OPENSHIFT_SECRET_TOKEN' in variables);
});
