// Disk limits and SELinux, as far as they are the same on every machine.
import t from 'tap';
import { freeDisk, limitDisk, readQuota } from '../../src/host/quota.js';
import { requireLabel, selinuxMode } from '../../src/host/selinux.js';
import { enabled, enforcing, processLabel, validLabel } from '../../src/native/selinux.js';

t.test('a file system without quota says so instead of failing', (t) => {
  t.equal(readQuota('/proc', 1000), undefined);
  t.equal(limitDisk('/proc', 1000, { blocks: 10, inodes: 10 }), false);
  t.equal(freeDisk('/proc', 1000), false);
  t.throws(() => readQuota('/nonexistent', 1000), { code: 'ENOENT', message: /cannot be read/ });
  t.end();
});

t.test('what is no limit is refused', (t) => {
  for (const blocks of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => limitDisk('/proc', 1000, { blocks, inodes: 0 }), { code: 'ERR_QUOTA_INVALID' });
  }
  t.throws(() => limitDisk('/proc', 0, { blocks: 1, inodes: 0 }), { message: /Root cannot be limited/ });
  t.throws(() => limitDisk('proc', 1000, { blocks: 1, inodes: 0 }), TypeError);
  t.end();
});

t.test('SELinux answers alike however it is asked', (t) => {
  t.equal(enabled(), processLabel() !== undefined);
  t.equal(selinuxMode(), enabled() ? (enforcing() ? 'enforcing' : 'permissive') : 'disabled');
  if (enabled()) {
    t.throws(() => requireLabel('not a label'), { code: 'ERR_SELINUX_LABEL' });
  } else {
    t.equal(enforcing(), false);
    t.equal(validLabel('system_u:object_r:etc_t:s0'), false);
    requireLabel('any label, where there is nothing to know it');
  }
  t.throws(() => validLabel(5 as unknown as string), TypeError);
  t.end();
});
