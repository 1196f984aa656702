// All backends of the port proxy against the running kernel of a disposable host, beside rules of an operator.
import { existsSync, readFileSync, renameSync } from 'node:fs';
import t, { type Test } from 'tap';
import { openPortForwarding } from '../../src/host/port-backends.js';
import type { PortForwarding } from '../../src/host/port-forwarding.js';
import { packetRules } from '../hosts/dump-rules.js';
import { allRules, greeter, kinds, plantForeignRules, tool, visit, type Kind } from './packet-rules.js';

const ADDRESS = '192.168.59.144';
const SWITCH = '/proc/sys/net/ipv4/conf/all/route_localnet';
tool('ip', ['link', 'add', 'op0', 'type', 'veth', 'peer', 'name', 'op1']);
tool('ip', ['addr', 'add', `${ADDRESS}/24`, 'dev', 'op0']);
tool('ip', ['link', 'set', 'op0', 'up']);

const servers = await Promise.all([greeter('127.0.253.129', 8080), greeter('127.0.253.130', 8080)]);
t.teardown(() => servers.forEach((server) => void server.close()));
const one = '127.0.253.129:8080';
const other = '127.0.253.130:8080';

const open = (kind: Kind): PortForwarding => openPortForwarding(kind, '/run/openshift');
const switched = (): string => readFileSync(SWITCH, 'utf8').trim();
const listed = async (forwarding: PortForwarding): Promise<[number, string][]> =>
  [...(await forwarding.list())].sort(([a], [b]) => a - b);

for (const kind of kinds) {
  await t.test(kind, async (t) => {
    plantForeignRules();
    // The tables that the backend needs are there from now on, with or without rules of ours.
    const before = allRules();
    const forwarding = open(kind);

    await t.test('opening and asking change nothing; without its rules it is down', async (t) => {
      t.strictSame(await listed(forwarding), []);
      t.not((await forwarding.problems()).length, 0);
      await t.rejects(forwarding.apply([{ port: 35566, from: undefined, to: one }]), {
        code: 'ERR_PORT_PROXY_DOWN',
        message: /not in force.*oo-admin-ctl-iptables-port-proxy start/,
      });
      t.equal(allRules(), before);
      t.equal(switched(), '0');
    });

    await t.test('ports come, change and go, each twice the same', async (t) => {
      const dumped = await packetRules();
      await forwarding.restore(new Map());
      t.strictSame(await forwarding.problems(), []);
      t.strictSame(await packetRules(), dumped, 'a dump of the host has public ports, not what serves them');
      t.equal(switched(), '1');
      const change = async (from: string | undefined, to: string | undefined): Promise<void> => {
        await forwarding.apply([{ port: 35566, from, to }]);
        const once = allRules();
        await forwarding.apply([{ port: 35566, from, to }]);
        t.equal(allRules(), once, `twice ${from} to ${to}`);
      };
      await change(undefined, one);
      t.strictSame(await listed(forwarding), [[35566, one]]);
      t.equal((await packetRules()).length, dumped.length + 1, 'a port is seen in it');
      t.equal(await visit(ADDRESS, 35566), one);
      await change(one, other);
      t.strictSame(await listed(forwarding), [[35566, other]]);
      t.equal(await visit(ADDRESS, 35566), other);
      await forwarding.apply([
        { port: 35566, from: one, to: one },
        { port: 35567, from: undefined, to: other },
      ]);
      t.strictSame(
        await listed(forwarding),
        [
          [35566, one],
          [35567, other],
        ],
        'what the caller thinks of before does not count',
      );
      await change(one, undefined);
      t.strictSame(await listed(forwarding), [[35567, other]]);
      t.equal(await visit(ADDRESS, 35566), 'ECONNREFUSED');
      t.equal(await visit('127.0.0.1', 35567), 'ECONNREFUSED', 'a loopback address has no public port');
    });

    await t.test('all changes or none', async (t) => {
      const now = allRules();
      for (const bad of [
        { port: 80, from: undefined, to: one },
        { port: 70_000, from: undefined, to: one },
        { port: 35568, from: undefined, to: '192.0.2.1:80' },
        { port: 35568, from: undefined, to: '127.0.0.1:80 -j ACCEPT' },
        { port: 35568, from: undefined, to: '127.0.0.1:80\nCOMMIT' },
        { port: 35568, from: undefined, to: '127.0.0.999:80' },
        { port: 35569, from: undefined, to: other },
      ]) {
        const changes = [{ port: 35569, from: undefined, to: one }, bad];
        await t.rejects(forwarding.apply(changes), { code: 'ERR_BAD_FORWARD' });
      }
      t.equal(allRules(), now);
    });

    await t.test('changes made at the same time are all made', async (t) => {
      const ports = Array.from({ length: 24 }, (_, index) => 36_000 + index);
      await Promise.all(ports.map((port) => open(kind).apply([{ port, from: undefined, to: one }])));
      t.strictSame(await listed(forwarding), [[35567, other], ...ports.map((port) => [port, one])]);
      await Promise.all(ports.map((port) => open(kind).apply([{ port, from: one, to: undefined }])));
      t.strictSame(await listed(forwarding), [[35567, other]]);
    });

    const wanted = new Map([
      [35567, other],
      [35566, one],
    ]);
    const works = async (t: Test, what: string): Promise<void> => {
      t.strictSame(await forwarding.problems(), [], what);
      t.strictSame(
        await listed(forwarding),
        [...wanted].sort(([a], [b]) => a - b),
        what,
      );
      t.equal(await visit(ADDRESS, 35566), one, what);
      t.equal(switched(), '1');
    };

    await t.test('restore is right whatever was done to the rules', async (t) => {
      await forwarding.restore(wanted);
      await works(t, 'at first');
      const whole = allRules();
      await forwarding.restore(wanted);
      t.equal(allRules(), whole, 'twice the same');
      for (const { what, harm, mends, takeBack } of harms(kind)) {
        harm();
        t.not((await forwarding.problems()).length, 0, `${what} is seen`);
        const change = forwarding.apply([{ port: 35567, from: other, to: other }]);
        if (mends === true) await t.resolves(change.then(() => works(t, `a change mends ${what}`)));
        else await t.rejects(change, { code: 'ERR_PORT_PROXY_DOWN' });
        await forwarding.restore(wanted);
        await works(t, what);
        takeBack?.();
        t.equal(allRules(), whole, `after ${what} everybody's rules are as before`);
      }
    });

    await t.test('everything flushed: what is ours comes back', async (t) => {
      const whole = allRules();
      if (kind === 'nftables') tool('nft', ['flush', 'ruleset']);
      else for (const table of ['filter', 'nat', 'raw']) tool(kind, ['-t', table, '-F']);
      t.not((await forwarding.problems()).length, 0);
      t.equal(await visit(ADDRESS, 35566), 'ECONNREFUSED');
      await forwarding.restore(wanted);
      await works(t, 'after the flush');
      // What was an operator's is for the operator to put back; here the test is the operator.
      plantForeignRules(kind === 'nftables' ? ['iptables-nft', 'nft'] : [kind]);
      t.strictSame(allRules().split('\n').sort(), whole.split('\n').sort());
      await forwarding.restore(wanted);
    });

    await t.test('a rule too many is seen, and goes', async (t) => {
      const whole = allRules();
      if (kind === 'nftables') tool('nft', ['add', 'rule', 'ip', 'oo_node', 'output', 'accept']);
      else tool(kind, ['-t', 'nat', '-A', 'oo-ports', '-p', 'tcp', '--dport', '4', '-j', 'ACCEPT']);
      t.match(await forwarding.problems(), [/has a rule that is not the port proxy's/]);
      await forwarding.restore(wanted);
      t.equal(allRules(), whole);
    });

    await t.test('remove leaves what others have, and the switch as it was', async (t) => {
      await forwarding.remove();
      t.equal(allRules(), before);
      t.equal(switched(), '0');
      t.notOk(existsSync('/run/openshift/route_localnet'));
      t.equal(await visit(ADDRESS, 35566), 'ECONNREFUSED');
      await forwarding.remove();
      t.equal(allRules(), before);

      tool('sysctl', ['-q', '-w', 'net.ipv4.conf.all.route_localnet=1']);
      await forwarding.restore(wanted);
      await forwarding.remove();
      t.equal(switched(), '1', 'what somebody else had opened stays open');
      tool('sysctl', ['-q', '-w', 'net.ipv4.conf.all.route_localnet=0']);
    });

    await t.test('a program that is not installed is named with its package', async (t) => {
      const programs = kind === 'nftables' ? ['nft'] : [`${kind}-save`, `${kind}-restore`];
      for (const name of programs) {
        await forwarding.restore(new Map());
        renameSync(`/usr/sbin/${name}`, `/usr/sbin/${name}.away`);
        try {
          await t.rejects(forwarding.apply([{ port: 35566, from: undefined, to: one }]), {
            code: 'ERR_PROGRAM_MISSING',
            message: new RegExp(`${name} is not on this machine.* install .*(ip|nf)tables`),
          });
        } finally {
          renameSync(`/usr/sbin/${name}.away`, `/usr/sbin/${name}`);
        }
        await forwarding.remove();
      }
    });
    for (const name of ['iptables-legacy', 'iptables-nft']) {
      for (const table of ['nat', 'raw', 'filter']) tool(name, ['-t', table, '-F']);
    }
    tool('nft', ['delete', 'table', 'ip', 'operator']);
  });
}

interface Harm {
  readonly what: string;
  readonly harm: () => void;
  /** A change of a port puts it right by itself. */
  readonly mends?: boolean;
  /** What the operator does afterwards, that all rules may be as before. */
  readonly takeBack?: () => void;
}

/** What an operator or another program may do to the rules. */
function harms(kind: Kind): readonly Harm[] {
  const by = (program: string, line: string, mends = false): Harm => ({
    what: line,
    harm: () => void tool(program, line.split(' ')),
    mends,
  });
  const closed = by('sysctl', '-q -w net.ipv4.conf.all.route_localnet=0');
  return kind === 'nftables'
    ? [
        by('nft', 'delete table ip oo_node'),
        by('nft', 'flush table ip oo_node', true),
        by('nft', 'flush chain ip oo_node guard', true),
        by('nft', 'insert rule ip oo_node guard accept', true),
        by('nft', 'delete chain ip oo_node output'),
        closed,
      ]
    : [
        by(kind, '-t raw -F oo-guard'),
        by(kind, '-t raw -I PREROUTING -j oo-guard'),
        {
          ...by(kind, '-t raw -I PREROUTING -s 127.0.0.0/8 -j ACCEPT'),
          // It stays, behind the guard: the deletion fails if it does not.
          takeBack: () => void tool(kind, '-t raw -D PREROUTING -s 127.0.0.0/8 -j ACCEPT'.split(' ')),
        },
        by(kind, '-t nat -D OUTPUT 1'),
        closed,
      ];
}
