/**
 * `oo-accept-node` on a node with a running gear: it passes, and for each thing taken away it names exactly that, with
 * the command that mends it, after which it passes again.
 */
import t from 'tap';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { haproxyChange } from '../../src/host/haproxy-socket.js';
import type { Check } from '../../src/operations/acceptance.js';
import { command } from '../seed/seed-node.js';
import { must, nodeWithGear, shell, uuid } from './node-commands.js';

t.setTimeout(900_000);
const { node, gear } = await nodeWithGear();
const conf = `${node.config.confDir}/node.conf`;

interface Accepted {
  readonly exitcode: number;
  readonly failed: number;
  readonly checks: readonly Check[];
}

async function accept(): Promise<Accepted> {
  return JSON.parse((await shell('oo-accept-node --json')).stdout) as Accepted;
}

t.test('a node that is as it shall be', async (t) => {
  const { exit, stdout, stderr } = await shell('oo-accept-node');
  t.equal(stdout, 'PASS\n');
  t.equal(exit, 0, stderr);
  const verbose = await shell('oo-accept-node --verbose');
  t.match(verbose.stdout, /^ok: configuration\n[^]*ok: what has no gear\nPASS\n$/);
  const { checks, ...rest } = await accept();
  t.same(rest, { exitcode: 0, failed: 0 });
  t.equal(checks.length, 15);
});

interface Loss {
  readonly what: string;
  take(): unknown;
  readonly says: readonly (readonly [check: string, wrong: RegExp])[];
  /** Instead of the command of the report, which names a word for the operator to fill in, or nothing to run. */
  readonly mend?: () => unknown;
}

const start = ['port proxy', /./] as const;
const losses: readonly Loss[] = [
  {
    what: 'a key of node.conf',
    take: () => must(`sed -i /^CLOUD_DOMAIN/d ${conf}`),
    says: [['configuration', /^In \S+node\.conf, CLOUD_DOMAIN is not defined$/]],
    mend: () => must(`echo 'CLOUD_DOMAIN="test.example.com"' >> ${conf}`),
  },
  {
    what: 'a public name that leads elsewhere',
    take: () => must('sed -i s/192.0.2.7/192.0.2.8/ /etc/hosts'),
    says: [
      ['names and addresses', /^PUBLIC_HOSTNAME \S+ resolves to .*192\.0\.2\.8.*; expected 192\.0\.2\.7/],
    ],
    mend: () => must('cp /etc/hosts /root/hosts && sed s/192.0.2.8/192.0.2.7/ /root/hosts > /etc/hosts'),
  },
  {
    what: 'an address of this machine alone',
    take: () => must(`sed -i 's/^PUBLIC_IP=.*/PUBLIC_IP=127.0.0.1/' ${conf}`),
    says: [
      ['names and addresses', /^PUBLIC_IP 127\.0\.0\.1 is an address of this machine alone$/],
      ['names and addresses', /^PUBLIC_HOSTNAME \S+ resolves to/],
    ],
    mend: () => must(`sed -i 's/^PUBLIC_IP=.*/PUBLIC_IP=192.0.2.7/' ${conf}`),
  },
  {
    what: 'a demanded layer',
    take: () => must(`echo 'REQUIRE_LAYERS="selinux,seccomp"' >> ${conf}`),
    says: [
      ['layers that node.conf demands', /^node\.conf demands selinux, which this machine does not have/],
    ],
  },
  {
    what: 'a demanded layer that is switched off',
    take: () =>
      must(
        `sed -i '/^REQUIRE_LAYERS/d' ${conf}; echo REQUIRE_LAYERS=seccomp >> ${conf}; echo CONFINE_SECCOMP=false >> ${conf}`,
      ),
    says: [
      [
        'layers that node.conf demands',
        /^node\.conf demands seccomp, which this machine does not have in force$/,
      ],
      ['gears', /is not what the node's configuration says$/],
    ],
  },
  {
    what: 'the mode of a folder',
    take: () => chmodSync(node.paths.journal, 0o755),
    says: [['folders', /\.journal is 0:0 0755, and shall be 0:0 0700$/]],
  },
  {
    what: 'the PAM module',
    take: () => rmSync('/usr/libexec/openshift/pam_oo.so'),
    says: [['programs', /^\S+\/pam_oo\.so is not there$/]],
    mend: () => must(command('oo-admin-node-setup')),
  },
  {
    what: 'the PAM block',
    take: () => must('sed -i /pam_oo/d /etc/pam.d/sshd'),
    says: [['SSH', /^\/etc\/pam\.d\/sshd does not confine the sessions of gears/]],
  },
  {
    what: 'the drop-in of sshd',
    take: () => writeFileSync('/etc/ssh/sshd_config.d/00-other.conf', 'UsePAM no\n'),
    says: [['SSH', /^sshd has usepam no, not yes: \S+oo-node\.conf is not in force$/]],
    mend: () => rmSync('/etc/ssh/sshd_config.d/00-other.conf'),
  },
  {
    what: "a name in HAProxy's memory",
    take: () => haproxyChange(node.paths.haproxySocket, `del map ${node.paths.routesMap} ${gear.dns}`),
    says: [['front door', /^phpapp-demo\.test\.example\.com is not alike in HAProxy's memory/]],
  },
  {
    what: 'the front door',
    take: async () => {
      const master = readFileSync('/run/openshift/haproxy.pid', 'utf8').trim();
      const workers = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ');
      for (const pid of [master, ...workers]) process.kill(Number(pid), 'SIGKILL');
      while (existsSync(`/proc/${workers[0] ?? ''}/exe`)) await new Promise((go) => setTimeout(go, 20));
    },
    says: [['front door', /^HAProxy does not run$/]],
  },
  {
    what: 'all rules of the nat table',
    take: () => must('iptables -t nat -F'),
    says: [
      ['port proxy', /^PREROUTING of the nat table does not jump to oo-ports$/],
      ['port proxy', /^OUTPUT of the nat table does not jump to oo-ports$/],
      ['port proxy', /^port 35566 leads nowhere, and shall lead to 127\.0\.253\.129:8080$/],
    ],
  },
  {
    what: 'the guard of route_localnet',
    take: () => must('iptables -t raw -F oo-guard'),
    says: [['port proxy', /^the chain oo-guard of the raw table does not drop packets/]],
  },
  {
    what: 'the range of outgoing ports',
    take: () => writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', '32768\t60999'),
    says: [['port proxy', /^net\.ipv4\.ip_local_port_range reaches into the public ports/]],
  },
  {
    what: 'a claim for a gear that is not there',
    take: () =>
      writeFileSync(`${node.paths.ports}/40000`, 'nobody 127.0.253.129:8080 OPENSHIFT_PHP_PROXY_PORT\n'),
    says: [start, ['claims of public ports', /40000 claims the port for nobody, which is no gear$/]],
  },
  {
    what: 'a claim that cannot be read',
    take: () => writeFileSync(`${node.paths.ports}/40001`, 'garbage'),
    says: [['claims of public ports', /40001 cannot be read as a claim$/]],
  },
  {
    what: 'an operation that was killed',
    take: () => {
      const file = `${node.paths.journal}/${uuid}.run-state.1.json`;
      const input = { uuid, action: 'start', cartridge: null, userInitiated: true, force: false, reason: '' };
      const beginning = {
        version: 1,
        gear: uuid,
        operation: 'run-state',
        pid: 1,
        time: new Date().toISOString(),
      };
      const order = { ...input, leftAlone: false, groups: [] };
      writeFileSync(file, `${JSON.stringify({ ...beginning, input: order })}\n`);
    },
    says: [['journal', /^The operation "run-state" on gear \S+ was not ended$/]],
  },
  {
    what: 'a limit of a gear',
    take: () =>
      must(`echo max > ${node.cgroups.v1.pids ?? node.cgroups.v2 ?? ''}/openshift/${uuid}/pids.max`),
    says: [['gears', /pids\.max is max, and shall be 250$/]],
  },
  {
    what: "a process of root's in the group of a gear",
    take: () => {
      const child = spawn('/usr/bin/sleep', ['3700'], { stdio: 'ignore' });
      for (const tree of new Set([node.cgroups.v1.pids, node.cgroups.v1.memory, node.cgroups.v1.cpu]))
        if (tree !== undefined) writeFileSync(`${tree}/openshift/${uuid}/cgroup.procs`, String(child.pid));
    },
    says: [
      'its uids are 0 0 0 0',
      'its gids are 0 0 0 0',
      'it has capabilities',
      'it may gain privileges',
      'no seccomp filter holds it',
      'it sees the mounts of the machine',
      'its oom_score_adj is',
      'it is outside of its control group \\(v2 ',
    ].map((wrong) => ['gears', new RegExp(`^Process \\d+ \\(/usr/bin/sleep 3700\\): ${wrong}`)] as const),
  },
  {
    what: 'the confinement file of a gear',
    take: () => rmSync(`${node.paths.confinement}/${uuid}`),
    says: [['gears', /^The file \S+ is missing: SSH is shut$/]],
  },
  {
    what: 'a home without an account',
    take: () => mkdirSync(`${node.paths.gearBase}/lonely`),
    says: [['what has no gear', /^The home \S+\/lonely has no account$/]],
  },
  {
    what: 'a confinement file and names without a gear',
    take: () => {
      writeFileSync(`${node.paths.confinement}/lonely`, '');
      writeFileSync(`${node.paths.routes}/lonely`, 'lonely.test.example.com\n');
    },
    says: [
      ['what has no gear', /^The file \S+\.confinement\/lonely is of a gear that is not there$/],
      ['what has no gear', /^The file \S+\.routes\/lonely is of a gear that is not there$/],
    ],
  },
  {
    what: 'a group without a gear',
    take: () => must(`mkdir ${node.cgroups.v1.pids ?? node.cgroups.v2 ?? ''}/openshift/lonely`),
    says: [['what has no gear', /^The control group \S+\/openshift\/lonely is of a gear that is not there$/]],
  },
  {
    what: 'a process of a uid that no gear has',
    take: () => {
      const child = spawn('/usr/bin/sleep', ['3600'], {
        uid: 600,
        gid: 600,
        stdio: 'ignore',
        detached: true,
      });
      child.unref();
    },
    says: [['what has no gear', /^Process \d+ \(\S*sleep 3600\) has uid 600, which no gear has$/]],
  },
];

for (const { what, take, says, mend } of losses) {
  t.test(what, async (t) => {
    await take();
    const { exit, stdout } = await shell('oo-accept-node');
    t.equal(exit, 1);
    t.match(stdout, new RegExp(`\\nFAIL: ${says.length}\\n$`), stdout);
    const { checks } = await accept();
    const failed = checks.flatMap(({ name, failures }) => failures.map((failure) => ({ name, ...failure })));
    t.same(
      failed.map(({ name }) => name),
      says.map(([name]) => name),
      JSON.stringify(failed),
    );
    for (const [index, [, wrong]] of says.entries()) t.match(failed[index]?.wrong, wrong);
    if (mend !== undefined) await mend();
    else for (const line of new Set(failed.map((failure) => failure.mend))) await must(line);
    t.equal((await shell('oo-accept-node')).stdout, 'PASS\n');
  });
}

t.test('a configuration that cannot be read', async (t) => {
  const before = readFileSync(conf);
  writeFileSync(conf, `${before.toString()}GEAR_MIN_UID=many\n`);
  const { exit, stdout } = await shell('oo-accept-node');
  t.equal(exit, 1);
  t.match(
    stdout,
    /^FAIL: configuration: \S+node\.conf: GEAR_MIN_UID="many" is not .*\n {2}mend: vi \S+node\.conf\nFAIL: 1\n$/,
  );
  writeFileSync(conf, before);
  t.equal(spawnSync('/usr/sbin/oo-accept-node', ['--no-such']).status, 255);
});
