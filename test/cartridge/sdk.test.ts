/** The bash SDK that cartridges source, and the commands a person types in a gear. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import t from 'tap';

const sdk = fileURLToPath(new URL('../../../cartridges/sdk/', import.meta.url));

async function bash(
  script: string,
  env: Record<string, string> = {},
): Promise<{ out: string; code: number | undefined }> {
  const done = await execa('bash', ['--norc', '-c', `source ${sdk}bash/sdk\n${script}`], {
    reject: false,
    extendEnv: false,
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  return { out: done.stdout, code: done.exitCode };
}

t.test('lines for the client are prefixed one by one, an empty text too', async (t) => {
  t.equal(
    (
      await bash(
        'client_result "a\n\nb"; client_message ""; client_error x; client_debug y; client_internal_error z',
      )
    ).out,
    'CLIENT_RESULT: a\nCLIENT_RESULT: \nCLIENT_RESULT: b\nCLIENT_MESSAGE: \nCLIENT_ERROR: x\nCLIENT_DEBUG: y\nCLIENT_INTERNAL_ERROR: z',
  );
  t.equal(
    (await bash(`client_result '$(id) \\n %s -n'`)).out,
    'CLIENT_RESULT: $(id) \\n %s -n',
    'text stays text',
  );
});

t.test('lines for the broker', async (t) => {
  t.equal(
    (
      await bash(
        'cart_props username=admin; cart_data a=b; send_attr s=1; set_app_info hi; app_remove_env_var X; add_broker_auth_key',
      )
    ).out,
    'CART_PROPERTIES: username=admin\nCART_DATA: a=b\nATTR: s=1\nAPP_INFO: hi\nAPP_ENV_VAR_REMOVE: X\nBROKER_AUTH_KEY_ADD: ',
  );
  t.equal(
    (
      await bash(
        'add_domain_env_var A=1; add_domain_env_var_unique B=2; add_domain_ssh_key k; add_app_ssh_key c k',
      )
    ).out,
    'ENV_VAR_ADD: A=1\nENV_VAR_ADD_UNIQUE: B=2\nSSH_KEY_ADD: k\nAPP_SSH_KEY_ADD: c k',
  );
});

t.test('a password is twelve characters that no shell and no option parser minds', async (t) => {
  const { out } = await bash('for i in {1..500}; do generate_password; done');
  const words = out.split('\n');
  t.equal(words.length, 500);
  t.equal(new Set(words).size, 500);
  for (const word of words)
    if (!/^[A-Za-z1-9_][A-Za-z1-9_-]{11}$/.test(word) || /[oO0]/.test(word)) t.fail(word);
});

t.test('random text of a length and set, and padded names', async (t) => {
  t.match((await bash('random_string 40 a-c1-2')).out, /^[abc12]{40}$/);
  t.match((await bash('random_string 8 abc ^a')).out, /^[bc][abc]{7}$/);
  t.match((await bash('generate_username')).out, /^admin[A-Za-z1-9]{7}$/);
  t.equal((await bash('pad_string long 3')).out, 'long');
});

t.test('set_env_var writes the value as it is, and ends with 64 when something is missing', async (t) => {
  const dir = t.testdir({});
  t.equal((await bash(`set_env_var NAME 'a b\n%s' ${dir}`)).code, 0);
  t.equal(readFileSync(`${dir}/NAME`, 'utf8'), 'a b\n%s');
  for (const words of ['', 'A', 'A b', `A '' ${dir}`, `'' b ${dir}`, `A b ${dir}/none`])
    t.equal((await bash(`set_env_var ${words}`)).code, 64, words);
});

t.test('paths are lists without doubles', async (t) => {
  t.equal(
    (
      await bash(
        'PATH=/a:/b:/a; path_append /a; echo $PATH; path_prepend /b; echo $PATH; path_remove /a; echo $PATH',
      )
    ).out,
    '/b:/a\n/b:/a\n/b',
  );
  t.equal((await bash('L=; path_append /x L; path_append /y L; echo $L')).out, '/x:/y');
  const env = {
    OPENSHIFT_PRIMARY_CARTRIDGE_DIR: '/h/php-5.3/',
    OPENSHIFT_PHP_5_3_PATH_ELEMENT: '/php',
    OPENSHIFT_AA_PATH_ELEMENT: '/aa',
    OPENSHIFT_AA_LD_LIBRARY_PATH_ELEMENT: '/aa/lib',
    OPENSHIFT_PHP_5_3_LD_LIBRARY_PATH_ELEMENT: '/php/lib',
  };
  t.equal((await bash('build_path /sys; build_ld_library_path', env)).out, '/php:/aa:/sys\n/aa/lib:/php/lib');
});

t.test('versions are compared by number', async (t) => {
  const status = async (a: string, b: string): Promise<number | undefined> =>
    (await bash(`version_comp ${a} ${b}`)).code;
  t.equal(await status('1.10', '1.9'), 1);
  t.equal(await status('1.9', '1.10'), 2);
  t.equal(await status('1.0.0', '1'), 0);
  t.equal(await status('1.08', '1.8'), 0);
  t.equal(
    (
      await bash(
        'version_gt 2 1 && version_lt 1 2 && version_in_range 5.3 5.3 5.4 && ! version_in_range 5.5 5.3 5.4',
      )
    ).code,
    0,
  );
});

t.test('processes are known by name, file and owner', async (t) => {
  const dir = t.testdir({ empty: '', junk: 'x; id', gone: '4194300' });
  const { code } = await bash(
    `echo $$ > ${dir}/own; process_running bash ${dir}/own && ! process_running httpd ${dir}/own && ! process_running bash ${dir}/own 999 &&` +
      `! process_running bash ${dir}/empty && ! process_running bash ${dir}/junk && ! process_running bash ${dir}/gone && ! process_running bash ${dir}/none`,
  );
  t.equal(code, 0);
  t.equal((await bash(`sleep 0.4 & wait_for_stop $! && wait_for_pid_file ${dir}/gone`)).code, 0);
});

t.test('what the primary cartridge says of itself', async (t) => {
  const dir = t.testdir({
    metadata: {
      'manifest.yml':
        'Name: php\nCartridge-Short-Name: PHP\nVersion: \'8.2\'\nCartridge-Vendor: "oo"\nEndpoints:\n  - Private-IP-Name:   IP\n    Private-Port-Name: PORT\n',
    },
  });
  const { out } = await bash(
    'primary_cartridge_name; primary_cartridge_short_name; primary_cartridge_private_ip_name; primary_cartridge_private_port_name',
    { OPENSHIFT_PRIMARY_CARTRIDGE_DIR: `${dir}/` },
  );
  t.equal(out, 'oo-php-8.2\nPHP\nOPENSHIFT_PHP_IP\nOPENSHIFT_PHP_PORT');
});

t.test('markers and the newest deployment', async (t) => {
  const dir = t.testdir({
    '.openshift': { markers: { hot_deploy: '' } },
    deployments: {
      '2026-01-01_00-00-00.000': { 'metadata.json': '{"hot_deploy": true}' },
      '2026-01-02_00-00-00.000': { 'metadata.json': '{"hot_deploy": false, "force_clean_build":true}' },
    },
  });
  const env = { OPENSHIFT_REPO_DIR: `${dir}/`, OPENSHIFT_DEPLOYMENTS_DIR: `${dir}/deployments/` };
  t.equal((await bash('hot_deploy_marker_is_present', env)).code, 0);
  t.equal((await bash('marker_present other', env)).code, 1);
  t.equal((await bash('hot_deploy_enabled_for_latest_deployment', env)).code, 1);
  t.equal((await bash('force_clean_build_enabled_for_latest_deployment', env)).code, 0);
});

t.test('variables are passed on to httpd by name, and the file changes only when they do', async (t) => {
  const dir = t.testdir({});
  const env = { OPENSHIFT_X: 'a\nb', LD_PRELOAD: '', SSH_CLIENT: 'x' };
  await bash(`write_httpd_passenv ${dir}/conf`, env);
  // Under coverage Node adds a variable of its own to each child.
  const passed = readFileSync(`${dir}/conf`, 'utf8').replace('PassEnv NODE_V8_COVERAGE\n', '');
  t.equal(passed, 'PassEnv OPENSHIFT_X\nPassEnv PATH\n');
  t.equal(
    (
      await bash(
        `a=$(stat -c %i ${dir}/conf); update_httpd_passenv ${dir}/conf; [ $a = $(stat -c %i ${dir}/conf) ]`,
        env,
      )
    ).code,
    0,
  );
});

t.test('ctl_all, ctl_app and the old names lead to gear', async (t) => {
  const dir = t.testdir({ gear: '#!/bin/bash\necho "gear $*"\n' });
  chmodSync(`${dir}/gear`, 0o755);
  const command = async (name: string, ...argv: string[]): Promise<string> => {
    const env = { PATH: `${dir}:/usr/bin:/bin`, OPENSHIFT_PRIMARY_CARTRIDGE_DIR: '/h/php/' };
    const done = await execa(`${sdk}bin/${name}`, argv, { reject: false, extendEnv: false, env });
    return done.exitCode === 0 ? done.stdout : String(done.exitCode);
  };
  t.equal(await command('ctl_all', 'stop'), 'Waiting for stop to finish\ngear stop --quiet\nDone');
  t.equal(await command('ctl_all', 'start'), 'gear start --quiet\nDone');
  t.equal(await command('ctl_all', 'restart'), 'gear restart --all-cartridges');
  t.equal(await command('ctl_all', 'reboot'), '255');
  t.equal(await command('ctl_app', 'status'), 'gear status --cart php');
  t.equal(await command('stop_app.sh'), 'Waiting for stop to finish\ngear stop --quiet\nDone');
  writeFileSync(`${dir}/gear`, '#!/bin/bash\necho no; exit 3\n');
  t.equal(await command('ctl_all', 'start'), '3', 'who cannot start is not done');
});

t.test('deploy.sh runs the hook that the application brings, if it may be run', async (t) => {
  const dir = t.testdir({ '.openshift': { action_hooks: { deploy: '#!/bin/bash\necho in $PWD\n' } } });
  const deploy = async (): Promise<string> =>
    (await execa(`${sdk}bin/deploy.sh`, { env: { OPENSHIFT_REPO_DIR: `${dir}/` }, reject: false })).stdout;
  t.equal(await deploy(), '');
  chmodSync(`${dir}/.openshift/action_hooks/deploy`, 0o755);
  t.equal(await deploy(), `Running .openshift/action_hooks/deploy\nin ${dir}`);
});

t.test('tail_all follows every log, and says when there is none', async (t) => {
  const dir = t.testdir({ logs: {}, php: { logs: {} } });
  const env = { HOME: dir, OPENSHIFT_LOG_DIR: `${dir}/logs/` };
  t.equal((await execa(`${sdk}bin/tail_all`, { env, reject: false })).exitCode, 32);
  writeFileSync(`${dir}/logs/php.log`, 'one\n');
  writeFileSync(`${dir}/php/logs/x.log`, 'two\n');
  const done = await execa('timeout', ['1', `${sdk}bin/tail_all`], { env, reject: false });
  t.match(done.stdout, /one[^]*two/);
});

t.test('oo-tail follows the files it is given, with options as clients send them', async (t) => {
  const dir = t.testdir({ a: 'one\ntwo\n', sub: {} });
  const tail = async (...argv: string[]): Promise<{ exitCode: number | undefined; out: string }> => {
    const done = await execa('timeout', ['0.7', `${sdk}bin/oo-tail`, ...argv], { reject: false, cwd: dir });
    return { exitCode: done.exitCode, out: done.stdout };
  };
  const coded = (text: string): string => Buffer.from(text).toString('base64');
  t.same(await tail('a', 'sub', 'none'), { exitCode: 124, out: 'one\ntwo' });
  t.same(await tail('--opts', coded('-n 1'), 'a'), { exitCode: 124, out: 'two' });
  t.same(await tail('-n', '1', 'a'), { exitCode: 124, out: 'two' });
  t.equal((await tail('--opts', coded('-n 1 /etc/passwd'), 'a')).exitCode, 88);
  t.equal((await tail('--opts', coded('../x'), 'a')).exitCode, 88);
  t.equal((await tail('none')).exitCode, 32);
  t.equal((await tail('--opts', '!!!', 'none')).exitCode, 32);
});
