/** Limits and use out of the files of both cgroup versions; a kernel with version 2 alone is not on every machine. */
import t from 'tap';
import { limitsAndUse, unmetLimits } from '../../src/host/cgroup-use.js';
import type { CgroupLimits } from '../../src/host/cgroup-limits.js';

const wanted: CgroupLimits = {
  cpuShares: 128,
  cpuQuotaUs: 200_000,
  cpuPeriodUs: 100_000,
  memoryLimit: 536_870_912,
  memorySwapLimit: 641_728_512,
  pidsMax: 250,
};

t.test('version 2', async (t) => {
  const v2 = t.testdir({
    gear: {
      'memory.max': '536870912\n',
      'memory.current': '8192\n',
      'memory.swap.max': '104857600\n',
      'pids.max': '250\n',
      'pids.current': '3\n',
      'cpu.max': '200000 100000\n',
      'cpu.weight': '5\n',
      'cpu.stat': 'usage_usec 1500000\nuser_usec 1\n',
    },
    open: { 'memory.max': 'max\n', 'memory.current': '0\n', 'pids.max': 'max\n', 'cpu.max': 'max 100000\n' },
  });
  const h = { v2, v2Controllers: ['cpu', 'memory', 'pids'], v1: {} };
  t.same(limitsAndUse(h, '/gear'), [
    { what: 'memory', limit: 536_870_912, used: 8192 },
    { what: 'processes', limit: 250, used: 3 },
    { what: 'cpu', limit: 200_000, used: 1_500_000, period: 100_000 },
  ]);
  t.same(unmetLimits(h, '/gear', wanted), []);
  t.same(limitsAndUse(h, '/open'), [
    { what: 'memory', limit: undefined, used: 0 },
    { what: 'processes', limit: undefined, used: undefined },
    { what: 'cpu', limit: undefined, used: undefined, period: 100_000 },
  ]);
  t.same(unmetLimits(h, '/open', wanted), [
    { file: `${v2}/open/cpu.weight`, shall: '5', found: undefined },
    { file: `${v2}/open/cpu.max`, shall: '200000 100000', found: 'max 100000' },
    { file: `${v2}/open/memory.max`, shall: '536870912', found: 'max' },
    { file: `${v2}/open/pids.max`, shall: '250', found: 'max' },
  ]);
  t.equal(unmetLimits(h, '/gone', wanted).length, 3, 'a group that is not there limits nothing');
});

t.test('version 1, its "no limit", whole pages and its sentence about running out of memory', async (t) => {
  const memory = t.testdir({
    gear: {
      'memory.limit_in_bytes': '536870912\n',
      'memory.usage_in_bytes': '4096\n',
      'memory.memsw.limit_in_bytes': '9223372036854771712\n',
      'memory.memsw.usage_in_bytes': '4096\n',
      'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\n',
    },
  });
  const h = { v2: undefined, v2Controllers: [], v1: { memory } };
  t.same(limitsAndUse(h, '/gear'), [
    { what: 'memory', limit: 536_870_912, used: 4096 },
    { what: 'memory and swap', limit: undefined, used: 4096 },
  ]);
  const limits = { memoryLimit: 536_870_913, memorySwapLimit: 641_728_512, oomKillDisable: true };
  t.same(
    unmetLimits(h, '/gear', limits).map(({ file, shall }) => [file.split('/').at(-1), shall]),
    [
      ['memory.memsw.limit_in_bytes', '641728512'],
      ['memory.oom_control', '1'],
    ],
  );
});
