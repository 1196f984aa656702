/**
 * `oo-admin-gear explain` on a gear that runs PHP and has an SSH session open: its whole text, and then each layer taken
 * away in turn. The report names exactly what is gone, and its own mending command brings it back.
 */
import t from 'tap';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { limitControllers } from '../../src/host/hierarchies.js';
import { haproxyChange } from '../../src/host/haproxy-socket.js';
import type { GearReport } from '../../src/operations/explain.js';
import { awaitProcess } from '../confinement/process-view.js';
import { desk } from '../seed/seed-node.js';
import { must, nodeWithGear, shell, uuid } from './node-commands.js';

t.setTimeout(600_000);
const { node, gear, version } = await nodeWithGear();
const expected = readFileSync(
  fileURLToPath(new URL('../../../test/commands/explained-gear.txt', import.meta.url)),
  'utf8',
);
const explain = `oo-admin-gear explain ${uuid}`;

async function report(): Promise<GearReport & { exitcode: number }> {
  return JSON.parse((await shell(`${explain} --json`)).stdout) as GearReport & { exitcode: number };
}

/** The text without what differs from run to run, and each kind of process once. */
function settled(text: string): string {
  const [facts = '', rest = ''] = text.split(/^ {3}Processes: /m);
  const [list = '', ...end] = rest.split('\n\n');
  const kinds = list
    .split(/\n {14}(?=\d)/)
    .map((block) => block.replace(/^\d+/, 'PID').replace(/svc-\d+\.\d+/, 'svc-N'));
  return [
    facts
      .replace(/(memory|and swap) [\d.]+ [KM]iB,/g, '$1 N,')
      .replace(/processes \d+,/, 'processes N,')
      .replace(/cpu [\d.]+ s/, 'cpu N s')
      .replace(/SHA256:[A-Za-z0-9+/]{43} /, 'SHA256:DIGEST ')
      .replace(/ {14}\/sys\/\S+\n/g, '')
      .replaceAll(version, 'VERSION'),
    `   Processes: ${[...new Set(kinds)].sort().join('\n              ')}`,
    `\n\n${end.join('\n\n')}`,
  ].join('');
}

const session = spawn(
  '/usr/bin/ssh',
  [
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
    ...['-i', `${desk}/key`, `${uuid}@127.0.0.1`, 'sleep 3600'],
  ],
  { stdio: ['pipe', 'ignore', 'ignore'] },
);
t.teardown(() => session.kill());
await awaitProcess(gear.uid, /^sleep 3600/);

t.test('a gear whose layers all hold', async (t) => {
  const { exit, stdout, stderr } = await shell(explain);
  t.equal(stderr, '');
  t.equal(exit, 0, stdout);
  t.equal(settled(stdout), expected);
  const found = await report();
  t.match(found, { exitcode: 0, uuid, uid: 507, state: 'started', stopped: null, missing: [] });
  t.equal(found.layers['selinux'], false, 'what is absent is not claimed');
  t.equal(found.landlock, 'not readable back, asked for at launch');
  t.ok(found.processes.some(({ command }) => command === 'sleep 3600'));
  t.ok(found.processes.every(({ wrong }) => wrong.length === 0));
  t.ok(
    found.processes.filter(({ sshServer }) => sshServer).every(({ program }) => program?.startsWith('sshd')),
  );
});

interface Loss {
  readonly what: string;
  take(): Promise<unknown> | unknown;
  /** Every finding of the report: the layer, what is said, and what is run to mend it. */
  readonly says: readonly (readonly [layer: string, wrong: RegExp, mend: RegExp])[];
}

const proxy = /^oo-admin-ctl-iptables-port-proxy start$/;
const again = new RegExp(`^oo-admin-ctl-gears stopgear ${uuid} && oo-admin-ctl-gears startgear ${uuid}$`);
const port = 35_566;
const claim = `${node.paths.ports}/${port}`;
const pidsFile = `${node.cgroups.v1.pids ?? node.cgroups.v2 ?? ''}/openshift/${uuid}/pids.max`;

const trees = [...new Set(limitControllers.map((name) => node.cgroups.v1[name]))].filter(
  (at) => at !== undefined,
);

/** Puts the session's process into a group of nobody's in every tree. */
async function putOut(): Promise<void> {
  const pid = String(await awaitProcess(gear.uid, /^sleep 3600/));
  for (const tree of trees) writeFileSync(`${tree}/cgroup.procs`, pid);
  if (node.cgroups.v2 === undefined) return;
  mkdirSync(`${node.cgroups.v2}/outside`);
  writeFileSync(`${node.cgroups.v2}/outside/cgroup.procs`, pid);
}

/** A process of root's, as it comes, in the gear's group. */
async function putIn(): Promise<void> {
  const intruder = spawn('/usr/bin/sleep', ['3700'], { stdio: 'ignore' });
  await once(intruder, 'spawn');
  const groups = [...trees, ...(node.cgroups.v2 === undefined ? [] : [node.cgroups.v2])];
  for (const tree of groups) {
    const session = tree === node.cgroups.v2 ? '/gear' : '';
    writeFileSync(`${tree}/openshift/${uuid}${session}/cgroup.procs`, String(intruder.pid));
  }
}

const losses: readonly Loss[] = [
  {
    what: 'the claim of a public port',
    take: () => rmSync(claim),
    says: [
      [
        'public port',
        /^Port 35566 is that of OPENSHIFT_PHP_PROXY_PORT, but its claim \S+\/35566 is missing, and the kernel leads it to 127\.0\.253\.129:8080$/,
        /^oo-create-endpoints -a \S+ -c \S+ -n php-\S+$/,
      ],
    ],
  },
  {
    what: 'all rules of the nat table',
    take: () => must('iptables -t nat -F'),
    says: [
      ['public port', /^Port 35566 leads nowhere, and shall lead to 127\.0\.253\.129:8080$/, proxy],
      [
        'public port',
        /^The port proxy is not whole: PREROUTING of the nat table does not jump to oo-ports$/,
        proxy,
      ],
      [
        'public port',
        /^The port proxy is not whole: OUTPUT of the nat table does not jump to oo-ports$/,
        proxy,
      ],
    ],
  },
  {
    what: "a name in HAProxy's memory",
    take: () => haproxyChange(node.paths.haproxySocket, `del map ${node.paths.routesMap} ${gear.dns}`),
    says: [
      [
        'route',
        /^phpapp-demo\.test\.example\.com leads nowhere in HAProxy's memory, and to 127\.0\.253\.129:8080 in its file$/,
        /^oo-admin-ctl-gears recover$/,
      ],
    ],
  },
  {
    what: 'the mode of the home',
    take: () => chmodSync(gear.home, 0o755),
    says: [['home', /^\S+ is 0:507 0755, and shall be 0:507 0750$/, /^chown 0:507 \S+ && chmod 0750 \S+$/]],
  },
  {
    what: 'the mode of a folder of keys',
    take: () => must(`chown 507 ${gear.home}/.ssh`),
    says: [
      ['home', /\.ssh is 507:507 0750, and shall be 0:507 0750$/, /^chown 0:507 \S+ && chmod 0750 \S+$/],
    ],
  },
  {
    what: 'the mode of the keys',
    take: () => chmodSync(`${gear.home}/.ssh/authorized_keys`, 0o666),
    says: [
      [
        'keys',
        /authorized_keys is 0:507 0666, and shall be 0:507 0440$/,
        /^chown \S+ \S+ && chmod 0440 \S+$/,
      ],
    ],
  },
  {
    what: 'the confinement file',
    take: () => rmSync(`${node.paths.confinement}/${uuid}`),
    says: [
      [
        'confinement',
        /^The file \S+ is missing: SSH is shut$/,
        new RegExp(`^oo-admin-ctl-gears startgear ${uuid}$`),
      ],
    ],
  },
  {
    what: 'a line of the confinement file',
    take: () => must(`sed -i /no_new_privs/d ${node.paths.confinement}/${uuid}`),
    says: [['confinement', /is not what the node's configuration says$/, /^oo-admin-ctl-gears startgear /]],
  },
  {
    what: 'the limit of processes',
    take: () => writeFileSync(pidsFile, 'max'),
    says: [['limits', /\/pids\.max is max, and shall be 250$/, /^echo 250 > \S+\/pids\.max$/]],
  },
  {
    what: 'the login shell',
    take: () => must(`sed -i '/^${uuid}:/s|:[^:]*$|:/bin/bash|' /etc/passwd`),
    says: [
      [
        'account',
        /^The login shell of account \S+ is \/bin\/bash, and shall be \S+\/oo-login$/,
        /^usermod --shell /,
      ],
    ],
  },
  {
    what: 'the place of a process in its group',
    take: putOut,
    says: [
      [
        'process',
        /^Process \d+ \(sleep 3600\): it is outside of its control group \(.*(memory|v2) \/.*\)$/,
        again,
      ],
    ],
  },
  {
    what: "the purity of the group, by a process of root's,",
    take: putIn,
    says: [
      /its uids are 0 0 0 0, not 507$/,
      /its gids are 0 0 0 0, not 507$/,
      /it has capabilities \(effective [0-9a-f]+, permitted [0-9a-f]+, bounding [0-9a-f]+\)$/,
      /it may gain privileges \(NoNewPrivs is 0\)$/,
      /no seccomp filter holds it$/,
      /it sees the mounts of the machine$/,
      /its oom_score_adj is -?\d+, below 500$/,
    ].map(
      (wrong) =>
        ['process', new RegExp(`^Process \\d+ \\(/usr/bin/sleep 3700\\): ${wrong.source}`), again] as const,
    ),
  },
];

for (const { what, take, says } of losses) {
  t.test(`${what} is taken away`, async (t) => {
    await take();
    const { exit, stdout } = await shell(explain);
    t.equal(exit, 1);
    const { exitcode, missing } = await report();
    t.equal(exitcode, 1);
    t.equal(missing.length, says.length, JSON.stringify(missing));
    for (const [index, [layer, wrong, mend]] of says.entries()) {
      const finding = missing[index];
      t.equal(finding?.layer, layer);
      t.match(finding?.wrong, wrong);
      t.match(finding?.mend, mend);
      t.ok(stdout.includes(`  ${layer}: ${finding?.wrong ?? '?'}.\n    mend: ${finding?.mend ?? '?'}\n`));
    }
    for (const mend of new Set(missing.map((finding) => finding.mend))) await must(mend);
    t.same((await report()).missing, [], 'its own words mend it');
  });
}

t.test('nothing to explain', async (t) => {
  t.match(await shell('oo-admin-gear explain nobody'), {
    exit: 1,
    stderr: /nobody is not a gear of this node/,
  });
  t.equal((await shell('oo-admin-gear explain')).exit, 255);
  t.equal((await shell(`oo-admin-gear destroy ${uuid}`)).exit, 255);
});
