/** node.conf and resource_limits.conf: the shell-like rules, the defaults, and what a wrong value says. */
import t from 'tap';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, parseConfig } from '../../src/node/config.js';
import { loadResourceLimits, parseResourceLimits } from '../../src/node/resource-limits.js';
import { parseSettings, settingValue } from '../../src/node/settings.js';

t.test('values: comments, quotes, colons', async (t) => {
  const table: readonly (readonly [string, string])[] = [
    ['plain', 'plain'],
    ['  spaced  ', 'spaced'],
    ['value # comment', 'value'],
    ['value#comment', 'value'],
    ['"OpenShift guest"', 'OpenShift guest'],
    ['"OpenShift guest" # who', 'OpenShift guest'],
    ["'single'", 'single'],
    ['"a # b"', 'a # b'],
    ['a\\:b', 'a:b'],
    ['"a\\:b"', 'a:b'],
    ['', ''],
    ['""', ''],
    ['# all comment', ''],
    ['a;b', 'a;b'],
    ['"it\'s"', "it's"],
    ['true', 'true'],
    ['null', 'null'],
    ['"123"', '123'],
  ];
  for (const [text, value] of table) t.equal(settingValue(text), value, JSON.stringify(text));
});

t.test('a file: groups, comments, export, last value wins', async (t) => {
  const settings = parseSettings(
    'f',
    [
      '# node',
      'A=1',
      '  B = "two words"  # comment',
      'export C=3',
      'A=4',
      '',
      'not a line',
      '; also not',
      'D=true',
      '[cg_template_throttled]',
      'cpu_shares=128',
      '[a.b]',
      'x=1',
    ].join('\n'),
  );
  t.same(settings.values, { A: '4', B: 'two words', C: '3', D: 'true' });
  t.equal(settings.groups['cg_template_throttled']?.['cpu_shares'], '128');
});

t.test('names that mean something to JavaScript are just names', async (t) => {
  const settings = parseSettings('f', '__proto__=1\nconstructor=2\ntoString=3\n[__proto__]\nx=1\n');
  t.equal(({} as Record<string, unknown>)['x'], undefined);
  t.equal(settings.values['constructor'], '2');
});

t.test('defaults are those of the contract', async (t) => {
  const config = parseConfig('/etc/openshift', { file: 'node.conf', values: {}, groups: {} });
  t.equal(config.gearBaseDir, '/var/lib/openshift');
  t.equal(config.gearGecos, 'OpenShift guest');
  t.equal(config.cloudDomain, 'example.com');
  t.equal(config.lastAccessDir, '/var/lib/openshift/.last_access');
  t.equal(config.identity.portBegin, 35_531);
  t.equal(config.gearMinUid, 1000);
  t.equal(config.gearMaxUid, 6999);
  t.equal(config.cgroupRoot, '/openshift');
  t.same(config.requireLayers, []);
});

t.test('a wrong value names its key and what is allowed, and ends with 253', async (t) => {
  const wrong: readonly (readonly [string, string])[] = [
    ['GEAR_MIN_UID', 'abc'],
    ['GEAR_MIN_UID', '0'],
    ['GEAR_MAX_UID', '4294967295'],
    ['GEAR_BASE_DIR', 'var/lib'],
    ['GEAR_BASE_DIR', '/var/../etc'],
    ['GEAR_GECOS', 'a:b'],
    ['PUBLIC_IP', '300.1.1.1'],
    ['CLOUD_DOMAIN', 'a b'],
    ['CLOUD_DOMAIN', ''],
    ['PLATFORM_LOG_LEVEL', 'LOUD'],
    ['REQUIRE_LAYERS', 'selinux,magic'],
    ['IP_ADDRESS_WRAPAROUND_OFFSET', '1000'],
  ];
  for (const [key, value] of wrong) {
    t.throws(
      () => parseConfig('/x', { file: '/x/node.conf', values: { [key]: value }, groups: {} }),
      { code: 'ERR_CONFIG', exitCode: 253, message: new RegExp(`${key}=`) },
      `${key}=${value}`,
    );
  }
  t.throws(() => parseConfig('/x', { file: 'f', values: { GEAR_MIN_UID: '7000' }, groups: {} }), {
    exitCode: 253,
    message: /GEAR_MAX_UID/,
  });
});

t.test('a missing or unreadable file ends with 253 and says what to do', async (t) => {
  const dir = t.testdir({});
  t.throws(() => loadConfig(dir), { exitCode: 253, message: /oo-admin-node-setup/ });
  mkdirSync(join(dir, 'node.conf'));
  t.throws(() => loadConfig(dir), { exitCode: 253, message: /cannot be read/ });
});

t.test('a changed file is read again', async (t) => {
  const dir = t.testdir({ 'node.conf': 'CLOUD_DOMAIN=a.example\n' });
  t.equal(loadConfig(dir).cloudDomain, 'a.example');
  t.equal(loadConfig(dir).cloudDomain, 'a.example');
  writeFileSync(join(dir, 'node.conf'), 'CLOUD_DOMAIN="longer.example"\n');
  t.equal(loadConfig(dir).cloudDomain, 'longer.example');
});

t.test('limits: the shipped file, the defaults, the wrong ones', async (t) => {
  const dir = t.testdir({
    'resource_limits.conf':
      'node_profile=medium\nquota_files=40000\nlimits_nproc=100\nlimits_core=0\nlimits_nofile=unlimited\n' +
      'cpu_cfs_quota_us=30000\nmemory_limit_in_bytes=268435456 # 256 MiB\nmemory_memsw_limit_in_bytes=268435456\n' +
      '[cg_template_frozen]\nfreezer_state=FROZEN\n',
  });
  const limits = loadResourceLimits(dir);
  t.equal(limits.profile, 'medium');
  t.same(limits.quota, { blocks: 1_048_576, files: 40_000 });
  t.match(limits.rlimits, { nproc: 100, core: 0, nofile: Infinity, memlock: 65_536, cpu: Infinity });
  t.equal(limits.cpuQuotaUs, 30_000);
  t.equal(limits.memoryLimit, 268_435_456);
  t.equal(limits.pidsMax, 100);
  const empty = parseResourceLimits({ file: 'f', values: {}, groups: {} });
  t.equal(empty.rlimits.nproc, 250);
  t.equal(empty.memoryLimit, 536_870_912);
  for (const [key, value] of [
    ['limits_nproc', 'many'],
    ['cpu_shares', '1'],
    ['memory_limit_in_bytes', '512M'],
    ['quota_blocks', '0'],
  ] as const) {
    t.throws(() => parseResourceLimits({ file: 'f', values: { [key]: value }, groups: {} }), {
      exitCode: 253,
      message: new RegExp(key),
    });
  }
  t.throws(
    () => parseResourceLimits({ file: 'f', values: { memory_limit_in_bytes: '999999999999' }, groups: {} }),
    { message: /./, exitCode: 253 },
  );
});
