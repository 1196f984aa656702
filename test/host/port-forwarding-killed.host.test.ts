// A process that changes public ports is killed before each of its changes of the kernel, with every backend: the ports
// never stand without the guard, a change is there whole or not at all, and the next start puts everything right.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openPortForwarding } from '../../src/host/port-backends.js';
import { allRules, kinds, plantForeignRules, type Kind } from './packet-rules.js';

t.setTimeout(300_000);
const child = fileURLToPath(new URL('./port-forwarding-child.js', import.meta.url));

interface Ended {
  readonly changes: number;
  readonly killed: boolean;
  readonly stderr: string;
}

function ask(kind: Kind, order: string, at: number, ports: ReadonlyMap<number, string>): Promise<Ended> {
  return new Promise((resolve) => {
    const argv = [child, kind, order, String(at), JSON.stringify([...ports])];
    const started = execFile(process.execPath, argv, { timeout: 60_000 }, (_, stdout, stderr) =>
      resolve({ changes: Number(stdout), killed: started.signalCode === 'SIGKILL', stderr }),
    );
  });
}

/** By what other programs print: packets may be led to 127/8, and those from outside are dropped. */
function exposed(kind: Kind): { readonly open: boolean; readonly guarded: boolean } {
  const rules = allRules();
  const switched = readFileSync('/proc/sys/net/ipv4/conf/all/route_localnet', 'utf8').trim() === '1';
  const ports = kind === 'nftables' ? /elements = \{ \d/ : /-A oo-ports .*--dport \d+ -j DNAT/;
  const guard =
    kind === 'nftables'
      ? ['iifname != "lo" ip saddr 127.0.0.0/8 drop', 'iifname != "lo" ip daddr 127.0.0.0/8 drop']
      : ['-A PREROUTING -j oo-guard', '-s 127.0.0.0/8 ! -i lo -j DROP', '-d 127.0.0.0/8 ! -i lo -j DROP'];
  return { open: switched || ports.test(rules), guarded: guard.every((rule) => rules.includes(rule)) };
}

const first = new Map(Array.from({ length: 5 }, (_, at) => [35566 + at, `127.0.253.${129 + at}:8080`]));
const more = new Map(Array.from({ length: 5 }, (_, at) => [35571 + at, `127.0.254.${1 + at}:8080`]));
const both = new Map([...first, ...more]);

plantForeignRules();
for (const kind of kinds) {
  await t.test(kind, async (t) => {
    const forwarding = openPortForwarding(kind, '/run/openshift');
    const listed = async (): Promise<ReadonlyMap<number, string>> => forwarding.list();
    // With the kernel's own tables made by whatever comes first.
    await forwarding.restore(both);
    await forwarding.remove();
    const without = allRules();
    await forwarding.restore(first);
    const withFirst = allRules();
    await forwarding.restore(both);
    const withBoth = allRules();

    for (const { order, ports, before, after } of [
      { order: 'restore', ports: both, before: new Map<number, string>(), after: both },
      { order: 'apply', ports: more, before: first, after: both },
      { order: 'remove', ports: new Map<number, string>(), before: both, after: new Map<number, string>() },
    ]) {
      const prepare = async (): Promise<void> => {
        await forwarding.remove();
        if (order !== 'restore') await forwarding.restore(before);
      };
      await prepare();
      const { changes, stderr } = await ask(kind, order, 0, ports);
      t.ok(changes > 0, `${order} makes ${changes} changes ${stderr}`);
      for (let at = 1; at <= changes; at += 1) {
        await prepare();
        const { killed } = await ask(kind, order, at, ports);
        const where = `${order} killed before its change ${at}`;
        t.ok(killed, where);
        const { open, guarded } = exposed(kind);
        t.ok(!open || guarded, `${where}: nothing is open without the guard`);
        const found = [...(await listed())];
        const whole = [before, after].some((one) => same(found, one));
        t.ok(whole, `${where}: all ports of before or of after`);
        await forwarding.restore(before.size === 0 ? both : before);
        t.equal(
          allRules(),
          before === first ? withFirst : withBoth,
          `${where}: the next start puts it right`,
        );
      }
    }
    await forwarding.remove();
    t.equal(allRules(), without, "nothing is left, and everybody else's rules are as before");
    t.equal(exposed(kind).open, false);
  });
}

function same(found: readonly (readonly [number, string])[], wanted: ReadonlyMap<number, string>): boolean {
  return found.length === wanted.size && found.every(([port, target]) => wanted.get(port) === target);
}
