/**
 * How the autoscaler reads the proxy's status page (`cartridges/haproxy/lib/statistics`, bash): whatever way HAProxy cuts
 * it into chunks, and only gears in service count.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import fc from 'fast-check';
import t from 'tap';

const library = fileURLToPath(new URL('../../../cartridges/haproxy/lib/statistics', import.meta.url));
const directory = t.testdir({ conf: {} });
const rows = (names: readonly string[], sessions: number | string): string =>
  [
    '# pxname,svname,qcur,qmax,scur,smax,slim,stot,',
    'stats,FRONTEND,,,99,1,256,1,',
    'stats,BACKEND,0,0,98,0,26,0,',
    'express,FRONTEND,,,97,0,256,0,',
    ...names.map((name) => `express,${name},0,0,3,0,,0,`),
    `express,BACKEND,0,0,${sessions},0,26,0,`,
    '\n',
  ].join('\n');
const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n';

/** What the shell makes of each page, with the lists as they are now. */
async function read(pages: readonly string[]): Promise<string[]> {
  pages.forEach((page, n) => writeFileSync(`${directory}/page-${n}`, page));
  const script = `
    LC_ALL=C
    source "$1"
    for ((n = 0; n < $2; n++)); do
      IFS= read -r -d '' page <page-$n
      [[ \${page%%$'\\r\\n\\r\\n'*} == *'transfer-encoding: chunked'* ]] && unchunk
      if parse_page; then echo "$sessions of $gears"; else echo "$problem"; fi
    done`;
  const { stdout } = await execa('bash', ['-c', script, 'read', library, String(pages.length)], {
    cwd: directory,
  });
  return stdout.split('\n');
}

function lists(announced: readonly string[], synced: readonly string[]): void {
  mkdirSync(`${directory}/conf`, { recursive: true });
  writeFileSync(
    `${directory}/conf/proxy.db`,
    announced.map((name) => `u${name} ${name} 192.0.2.1:35571\n`).join(''),
  );
  writeFileSync(
    `${directory}/conf/gear-registry.db`,
    synced.map((name) => `u${name}@192.0.2.1:php-5.3;x\n`).join(''),
  );
}

await t.test('gears in service', async (t) => {
  lists(['a', 'b', 'c'], ['a', 'c', 'gone']);
  const page = rows(['gear-a', 'gear-b', 'gear-c', 'local-gear'], 41);
  t.same(await read([`${head}\r\n${page}`]), ['41 of 3'], 'one waits for its code');
  lists([], []);
  t.same(await read([`${head}\r\n${rows(['local-gear'], 0)}`]), ['0 of 1']);
});

await t.test('a page that says nothing', async (t) => {
  lists([], []);
  const none = 'the status page of the proxy names no session count or no server in service of "express"';
  const pages = [
    `${head}\r\n<html>`,
    head,
    `${head}\r\n${rows([], 4)}`,
    `${head}\r\n${rows(['local-gear'], '4*4')}`,
    `${head}\r\n${rows(['gear-x[$(touch owned)]'], 4)}`,
    `${head}\r\n${rows(['local-gear'], 4).replace('scur', 'other')}`,
    `${head}transfer-encoding: chunked\r\n\r\n`,
  ];
  t.same(
    await read(pages),
    pages.map(() => none),
  );
});

await t.test('however it is cut', async (t) => {
  const names = Array.from({ length: 60 }, (_, n) => `g${n}`);
  lists(names, names);
  const whole = rows([...names.map((name) => `gear-${name}`), 'local-gear'], 123);
  const cut = fc.array(fc.integer({ min: 1, max: whole.length - 1 }), { maxLength: 12 }).map((cuts) => {
    const at = [0, ...[...new Set(cuts)].sort((a, b) => a - b), whole.length];
    const chunks = at.slice(1).map((end, n) => whole.slice(at[n], end));
    const body = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
    return `${head}transfer-encoding: chunked\r\n\r\n${body}0\r\n\r\n`;
  });
  for (const pages of fc.sample(fc.array(cut, { minLength: 20, maxLength: 20 }), 10))
    t.same(new Set(await read(pages)), new Set(['123 of 61']));
});
