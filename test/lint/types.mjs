// Type tests of the public API: test/lint/*.test-d.ts against the declarations that a user of the package gets.
import { existsSync, readdirSync } from 'node:fs';
import tsd from 'tsd';

const { default: check, formatter } = tsd;

const typings = 'dist/src/index.d.ts';
if (!existsSync(typings)) {
  console.error(`${typings} is not there: build first.`);
  process.exit(1);
}
const files = readdirSync('test/lint').filter((name) => name.endsWith('.test-d.ts'));
const found = await check({
  cwd: process.cwd(),
  typingsFile: typings,
  testFiles: files.map((name) => `test/lint/${name}`),
});
console.log(found.length === 0 ? `${files.length} files of type tests hold` : formatter(found, true));
process.exitCode = found.some(({ severity }) => severity === 'error') || files.length === 0 ? 1 : 0;
