import t from 'tap';
import { nodeConf, settingKeys, withSettings, type NodeSettings } from '../../src/node/setup/defaults.js';
import { configKeys, parseConfig } from '../../src/node/config.js';
import { parseSettings } from '../../src/node/settings.js';

const settings: NodeSettings = {
  publicHostname: 'node1.example.com',
  publicIp: '192.0.2.7',
  brokerHost: 'broker.example.com',
  cloudDomain: 'apps.example.com',
  minUid: 1000,
  maxUid: 6999,
  cgroupRoot: '/openshift',
};

t.test('the default configuration is read back as what it says', async (t) => {
  const config = parseConfig('/etc/openshift', parseSettings('node.conf', nodeConf(settings)));
  for (const name of Object.keys(settingKeys) as (keyof NodeSettings)[]) {
    const read = { minUid: 'gearMinUid', maxUid: 'gearMaxUid' } as Record<string, keyof typeof config>;
    t.equal(config[read[name] ?? (name as keyof typeof config)], settings[name], name);
  }
});

t.test('the default configuration names every setting, with what holds without it', async (t) => {
  const text = nodeConf(settings);
  const all = text.replace(/^# (?=[A-Z_]+=)/gm, '').replace(/^REQUIRE_LAYERS=.*$/m, 'REQUIRE_LAYERS=');
  const { values } = parseSettings('node.conf', all);
  t.same(Object.keys(values).sort(), [...configKeys].sort());
  t.same(
    parseConfig('/etc/openshift', parseSettings('node.conf', all)),
    parseConfig('/etc/openshift', parseSettings('node.conf', text)),
  );
});

t.test('a setting changes its own line and nothing else', async (t) => {
  const text =
    '# a remark\nPUBLIC_IP=10.0.0.1 # ours\n  CLOUD_DOMAIN="old.example.com"\n#GEAR_MIN_UID=5\nOTHER=1';
  t.equal(
    withSettings(text, { publicIp: '10.0.0.2', cloudDomain: 'new.example.com', minUid: 507 }),
    '# a remark\nPUBLIC_IP="10.0.0.2" # ours\n  CLOUD_DOMAIN="new.example.com"\n#GEAR_MIN_UID=5\nOTHER=1\nGEAR_MIN_UID="507"\n',
  );
  t.equal(withSettings(text, {}), text);
  const once = withSettings(nodeConf(settings), { minUid: 507 });
  t.equal(withSettings(once, { minUid: 507 }), once);
});
