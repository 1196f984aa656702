/** The kernel's tables of IPC objects, read by the names above their columns. */
import t from 'tap';
import { ownedIds } from '../../src/host/sysv-ipc.js';
import { v1Settings, v2Settings, cpuWeight } from '../../src/host/cgroup-limits.js';
import { discover, v1Directories } from '../../src/host/hierarchies.js';

t.test('ids by owner', async (t) => {
  const table = `       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
         0          5  1600                  4096    12    13      0   507   507   508   508 0 0 0 0 0
         0          6  1600                  4096    12    13      0   508   508   507   507 0 0 0 0 0
         7     507     600                  4096   507   507     507   1   1   1   1 0 0 0 0 0
`;
  t.same(ownedIds(table, 507), ['5']);
  t.same(ownedIds(table, 508), ['6']);
  t.same(ownedIds(table, 509), []);
  t.same(ownedIds('', 507), []);
});

t.test('limits in the words of both cgroup versions', async (t) => {
  const limits = {
    cpuShares: 128,
    cpuQuotaUs: 200_000,
    cpuPeriodUs: 100_000,
    memoryLimit: 536_870_912,
    memorySwapLimit: 641_728_512,
    pidsMax: 250,
  };
  t.same(
    v1Settings(limits).map(({ file, value }) => `${file}=${value}`),
    [
      'cpu.shares=128',
      'cpu.cfs_period_us=100000',
      'cpu.cfs_quota_us=200000',
      'memory.limit_in_bytes=536870912',
      'memory.memsw.limit_in_bytes=641728512',
      'pids.max=250',
    ],
  );
  t.same(
    v2Settings(limits).map(({ file, value }) => `${file}=${value}`),
    [
      'cpu.weight=5',
      'cpu.max=200000 100000',
      'memory.max=536870912',
      'memory.swap.max=104857600',
      'pids.max=250',
    ],
  );
  t.same([2, 1024, 262_144, 1, 10 ** 9].map(cpuWeight), [1, 39, 10_000, 1, 10_000]);
  t.same(v2Settings({}), []);
});

t.test('hierarchies out of mountinfo: hybrid, version 1 alone, version 2 alone', async (t) => {
  const v1 = [
    '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
    '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:3 - cgroup cgroup rw,memory',
    '37 31 0:34 / /sys/fs/cgroup/with\\040blank rw - cgroup cgroup rw,freezer',
    '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd',
  ];
  const unified = '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw';
  t.same(discover([...v1, unified].join('\n')).v1, {
    cpu: '/sys/fs/cgroup/cpu,cpuacct',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct',
    memory: '/sys/fs/cgroup/memory',
    freezer: '/sys/fs/cgroup/with blank',
  });
  t.equal(discover(unified).v2, '/sys/fs/cgroup/unified');
  t.same(v1Directories(discover([...v1, unified].join('\n')), '/openshift/x'), [
    '/sys/fs/cgroup/cpu,cpuacct/openshift/x',
    '/sys/fs/cgroup/memory/openshift/x',
  ]);
  t.equal(
    v1Directories(discover(v1.join('\n')), '/x').length,
    3,
    'without a version 2 tree the freezer is used',
  );
  t.same(discover(''), { v2: undefined, v2Controllers: [], v1: {} });
});
