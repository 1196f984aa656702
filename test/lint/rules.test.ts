// The safety rules of the house are rules of the linter: a violation of each is found, and the right way is not.
import t from 'tap';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';

const eslint = new ESLint({
  cwd: fileURLToPath(new URL('../../../', import.meta.url)),
  overrideConfigFile: '.eslint.config.mjs',
});

async function rulesBrokenBy(code: string, filePath: string): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(code, { filePath });
  return (result?.messages ?? []).map(({ ruleId }) => ruleId);
}

const wrong: readonly (readonly [string, string, string, string])[] = [
  ['a shell', "run('git', { shell: true });", 'src/host/x.ts', 'no-restricted-syntax'],
  ['a command string', "exec('git gc');", 'src/host/x.ts', 'no-restricted-syntax'],
  ['a path in /tmp', "export const place = '/tmp/x';", 'src/node/x.ts', 'no-restricted-syntax'],
  [
    'child_process',
    "import { spawn } from 'node:child_process';\nspawn('a');",
    'src/host/x.ts',
    'no-restricted-imports',
  ],
  [
    'node:fs in gear',
    "import { readFileSync } from 'node:fs';\nreadFileSync('a');",
    'src/gear/x.ts',
    'no-restricted-imports',
  ],
  [
    'fs/promises in deploy',
    "import * as fs from 'fs/promises';\nvoid fs;",
    'src/deploy/x.ts',
    'no-restricted-imports',
  ],
  ['any', 'export const x: any = 1;', 'src/host/x.ts', '@typescript-eslint/no-explicit-any'],
  ['a file of 401 lines', 'void 0;\n'.repeat(401), 'src/host/x.ts', 'max-lines'],
];
for (const [name, code, file, rule] of wrong) {
  t.test(`${name} is refused in ${file}`, async (t) => {
    t.ok((await rulesBrokenBy(code, file)).includes(rule), rule);
  });
}

t.test("node:fs is allowed for the node's own files", async (t) => {
  t.same(
    await rulesBrokenBy("import { readFileSync } from 'node:fs';\nreadFileSync('a');\n", 'src/node/x.ts'),
    [],
  );
});
