import t from 'tap';
import { requireHost } from './inside.js';

t.test('a machine is no host, and a host is one', async (t) => {
  const machine = '25 1 0:23 / /run rw,nosuid,nodev shared:5 - tmpfs tmpfs rw,size=813952k,mode=755\n';
  const inside =
    '97 94 0:60 / /dev rw - tmpfs oo-dev rw\n98 94 0:61 / /run rw,nosuid - tmpfs oo-run rw,mode=755\n';
  t.throws(() => requireHost(machine), /This would change the machine itself/);
  t.throws(() => requireHost('98 94 0:61 / /runner rw - tmpfs oo-run rw\n'));
  t.throws(() => requireHost(''));
  t.doesNotThrow(() => requireHost(inside));
});
