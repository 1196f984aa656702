import { writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {
  includesDropIns,
  insertInclude,
  reloadSshd,
  removeInclude,
  sshdDropIn,
  sshdPid,
} from '../../src/host/sshd.js';

const debian = 'Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nX11Forwarding yes\n';

t.test('the drop-in asks for PAM and sets nothing that another account would notice', (t) => {
  const settings = sshdDropIn()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  t.strictSame(settings, ['UsePAM yes', 'PermitUserEnvironment no']);
  t.end();
});

t.test('a configuration that reads drop-ins is left alone', (t) => {
  t.ok(includesDropIns(debian));
  t.equal(insertInclude(debian), debian);
  t.equal(removeInclude(debian), debian);
  t.end();
});

t.test('one that does not gets a block in front, once, and loses it again', (t) => {
  for (const text of [
    'UsePAM yes\n',
    '#Include /etc/ssh/sshd_config.d/*.conf\n',
    `Match User x\n${debian}`,
    '',
  ]) {
    const once = insertInclude(text);
    t.not(once, text);
    t.equal(insertInclude(once), once);
    t.equal(removeInclude(once), text);
  }
  t.end();
});

t.test('a pid file that names no sshd is not believed', (t) => {
  const file = path.join(t.testdir({}), 'sshd.pid');
  t.equal(sshdPid(file), undefined);
  for (const content of ['', '0', '1', '-5', 'x', String(process.pid)]) {
    writeFileSync(file, content);
    t.equal(sshdPid(file), undefined, JSON.stringify(content));
    t.notOk(reloadSshd(file));
  }
  t.end();
});
