import t from 'tap';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { checkArgumentString, escapeWord, splitWords } from '../../src/actions/words.js';
import { exchanges, seedText, simplePart } from '../seed/seed-text.js';

t.test("the seed's argument strings are three words", async (t) => {
  const strings = exchanges(simplePart(seedText()))
    .map(({ request }) => request.data['args'])
    .filter((args) => typeof args === 'string');
  t.equal(strings.length, 2);
  for (const text of strings) {
    checkArgumentString(text);
    t.same(splitWords(text), ['phpapp', 'demo', 'cc9beb39785a45b9b97bdc6951fc8dbf']);
  }
});

t.test("the word of the seed's set-proxy is read as a shell reads it", async (t) => {
  const text =
    "sphpapp demo 16f54529c1fa436981fce29b0499c0b6 \\'f81f\\'\\=\\'f81f-demo.test.example.com\\|192.168.59.144:35571'\n'\\'";
  t.same(splitWords(text), [
    'sphpapp',
    'demo',
    '16f54529c1fa436981fce29b0499c0b6',
    "'f81f'='f81f-demo.test.example.com|192.168.59.144:35571\n'",
  ]);
});

t.test('what a shell would act on is refused', async (t) => {
  const refused = [
    '$(id)',
    '`id`',
    "'a' ; id",
    'a && b',
    'a | b',
    'a > b',
    'a < b',
    '"$HOME"',
    "'a",
    '"a',
    'a\\',
    'a\nb',
    'a\\\nb',
    '*',
    'a#b',
    "'a\0'",
  ];
  for (const text of refused)
    t.throws(() => splitWords(text), { code: 'ERR_BAD_ARGUMENTS' }, JSON.stringify(text));
});

t.test('characters that the argument string of a cartridge may not hold are refused', async (t) => {
  for (const text of [
    "'a' $x",
    "'a;b'",
    "'a`'",
    "'a|b'",
    "'a&&b'",
    "'a>b'",
    "'a*'",
    "'ä'",
    '',
    "'a\tb'",
    "'a\0'",
  ]) {
    t.throws(() => checkArgumentString(text), { code: 'ERR_BAD_ARGUMENTS' }, JSON.stringify(text));
  }
  t.throws(() => checkArgumentString(`'${'a'.repeat(70_000)}'`), /longer/);
  for (const text of ["'a' 'b' 'c' 'git://h.example/x.git'", '"a b" c', 'a{b}=c,d~e', "'a\nb'"]) {
    t.doesNotThrow(() => checkArgumentString(text));
  }
});

t.test('an escaped word is one word again, for us and for a real shell', async (t) => {
  const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 4 }), (words) => {
      const read = splitWords(words.map(escapeWord).join(' '));
      return JSON.stringify(read) === JSON.stringify(words);
    }),
    { numRuns: 1000 },
  );
  const printable = fc.array(fc.string({ unit: 'grapheme-ascii' }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(printable, (words) => {
      const script = `printf '%s\\0' ${words.map(escapeWord).join(' ')}`;
      return (
        execFileSync('/bin/bash', ['-c', script], { encoding: 'utf8' }) ===
        words.map((one) => `${one}\0`).join('')
      );
    }),
    { numRuns: 25 },
  );
  t.equal(escapeWord("a=b'c\n"), "a\\=b\\'c'\n'");
  t.equal(escapeWord(''), "''");
});
