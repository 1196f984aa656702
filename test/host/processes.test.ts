import t from 'tap';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findProcesses, isSshServer, ownMountNamespace, viewProcess } from '../../src/host/processes.js';

t.test('a process as the kernel shows it, its own words made harmless', async (t) => {
  const waiting = spawn('/bin/bash', ['-c', 'read', '\u001b[31m\nforged line'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await once(waiting, 'spawn');
  t.teardown(() => waiting.kill());
  while (viewProcess(waiting.pid ?? 0)?.program !== 'bash') await new Promise((go) => setTimeout(go, 10));
  const view = viewProcess(waiting.pid ?? 0);
  t.match(view, { pid: waiting.pid, parent: process.pid, mountNamespace: ownMountNamespace() });
  t.equal(view?.command, '/bin/bash -c read  [31m forged line');
  t.ok(view?.uids.every((uid) => uid === process.getuid?.()));
  t.equal(view === undefined || isSshServer(view), false);
  t.ok(findProcesses((uid) => uid === process.getuid?.()).some(({ pid }) => pid === waiting.pid));
  t.notOk(findProcesses((uid) => uid === 4_000_000_000).length > 0);
});

t.test('a process that has ended, and one that nobody has awaited, are left out', async (t) => {
  const parent = spawn('/bin/bash', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => parent.kill());
  const [said] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(said.toString().trim());
  let tries = 0;
  while (viewProcess(pid) !== undefined && (tries += 1) < 500) await new Promise((go) => setTimeout(go, 10));
  t.equal(viewProcess(pid), undefined, 'a zombie');
  t.equal(viewProcess(4_194_305), undefined, 'no such process');
});
