// Lint: the safety rules of the house as errors. No shell and no command string, no child_process outside set-up,
// no node:fs below a home (rooms gear, cartridge, deploy, operations, actions touch a home only through native/beneath),
// nothing shared in /tmp.
import tseslint from 'typescript-eslint';

const noShell = [
  {
    selector: "Property[key.name='shell'][value.value=true]",
    message: 'Never a shell: pass an argument vector.',
  },
  {
    selector: 'CallExpression[callee.name=/^(exec|execSync)$/]',
    message: 'Never a command string: pass an argument vector.',
  },
  {
    selector: 'Literal[value=/^\\/tmp(\\/|$)/]',
    message: '/tmp is shared by everybody: use a directory of the node.',
  },
  {
    selector: 'TemplateElement[value.raw=/^\\/tmp\\//]',
    message: '/tmp is shared by everybody: use a directory of the node.',
  },
];
const noChildProcess = ['child_process', 'node:child_process'].map((name) => ({
  name,
  message: "Use native/launch (hooks) or execa (set-up and the node's own tools).",
}));
const noFs = ['fs', 'node:fs', 'fs/promises', 'node:fs/promises'].map((name) => ({
  name,
  message: "Below a gear's home everything goes through native/beneath.",
}));

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'node_modules/', '.tap/'] },
  ...tseslint.configs.recommended,
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...noShell],
      'no-restricted-imports': ['error', { paths: noChildProcess }],
      '@typescript-eslint/no-explicit-any': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }],
    },
  },
  {
    files: ['src/{gear,cartridge,deploy,operations,actions}/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: [...noChildProcess, ...noFs] }] },
  },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
);
