/**
 * A process made to die: it asks one thing of a backend and kills itself just before its Nth change of the kernel (0:
 * never). Invariant: SIGKILL, so that nothing of the product can help; it prints how many changes there were.
 */
import { openPortForwarding } from '../../src/host/port-backends.js';
import type { PortProxyKind } from '../../src/host/packages.js';
import { observeEffects } from '../../src/native/effect.js';

const [kind, order, at, ports] = process.argv.slice(2);
const forwarding = openPortForwarding(kind as PortProxyKind, '/run/openshift');
const target = Number(at);
let seen = 0;
observeEffects((name) => {
  if (name === 'launch') return; // a look changes nothing, and a change has a name of its own
  seen += 1;
  if (seen !== target) return;
  process.kill(process.pid, 'SIGKILL');
  for (;;); // the signal is on its way: nothing more may be done
});
const wanted = JSON.parse(ports ?? '[]') as [number, string][];
if (order === 'restore') await forwarding.restore(new Map(wanted));
else if (order === 'remove') await forwarding.remove();
else await forwarding.apply(wanted.map(([port, to]) => ({ port, from: undefined, to })));
observeEffects(undefined);
process.stdout.write(`${seen}\n`);
