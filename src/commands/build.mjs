// Builds the commands: one self-contained executable file each into dist/bin, and from the same definitions the man
// pages (dist/man/man8) and the completions (dist/completion/{bash,zsh,fish}). A file `oo-*.ts` here is a command by
// being here; so is `gear.ts`, the gear's own program.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));
const dist = join(root, 'dist');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const names = readdirSync(here)
  .filter((file) => /^(oo-[a-z-]+|gear)\.ts$/.test(file))
  .map((file) => file.slice(0, -3));

// `require` for the parts of bundled CommonJS packages that ask for Node's own modules.
const banner = [
  '#!/usr/bin/env node',
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
].join('\n');

const written = new Set();

/** Replaces a file whole, so that a command which runs meanwhile finds the old one or the new one. */
function place(file, contents, mode) {
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, contents);
  chmodSync(fresh, mode);
  renameSync(fresh, file);
  written.add(file);
}

function entry(name) {
  const source = readFileSync(join(here, `${name}.ts`), 'utf8');
  if (!/export const command\b/.test(source)) return `import './${name}.ts';`;
  return `import { command } from './${name}.ts';\nimport { main } from './main.ts';\nawait main(command);`;
}

/** A command's entry point exists only here: it runs the definition that the file exports. */
const entries = {
  name: 'entries',
  setup(builder) {
    builder.onResolve({ filter: /^entry:/ }, ({ path }) => ({ path: path.slice(6), namespace: 'entry' }));
    builder.onLoad({ filter: /.*/, namespace: 'entry' }, ({ path }) => ({
      contents: entry(path),
      resolveDir: here,
      loader: 'ts',
    }));
  },
};

async function bundle() {
  const { outputFiles } = await build({
    entryPoints: names.map((name) => ({ in: `entry:${name}`, out: name })),
    plugins: [entries],
    outdir: join(dist, 'bin'),
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: banner },
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'error',
    external: ['*.node'],
  });
  for (const { path, contents } of outputFiles) {
    const file = path.replace(/\.js$/, '');
    place(file, contents, 0o755);
  }
}

async function documents(name) {
  const compiled = join(dist, 'src', 'commands', `${name}.js`);
  if (!existsSync(compiled)) throw new Error(`${compiled} is missing: run "npm run build:ts" first`);
  const generated = (file) => import(pathToFileURL(join(dist, 'src', 'commands', file)).href);
  if (!/export const command\b/.test(readFileSync(compiled, 'utf8'))) return;
  const { command } = await generated(`${name}.js`);
  const { manPage } = await generated('man.js');
  const { bashCompletion, zshCompletion, fishCompletion } = await generated('completion.js');
  const write = (directory, file, text) => {
    mkdirSync(join(dist, directory), { recursive: true });
    place(join(dist, directory, file), text, 0o644);
  };
  write('man/man8', `${name}.8`, manPage(command, version));
  write('completion/bash', name, bashCompletion(command));
  write('completion/zsh', `_${name}`, zshCompletion(command));
  write('completion/fish', `${name}.fish`, fishCompletion(command));
}

mkdirSync(join(dist, 'bin'), { recursive: true });
// The bundles are modules whatever package.json stands above them.
place(join(dist, 'bin', 'package.json'), '{ "type": "module" }\n', 0o644);
await bundle();
for (const name of names) await documents(name);
for (const directory of ['bin', 'man/man8', 'completion/bash', 'completion/zsh', 'completion/fish']) {
  for (const file of readdirSync(join(dist, directory)).filter(
    (name) => !written.has(join(dist, directory, name)),
  )) {
    rmSync(join(dist, directory, file), { recursive: true });
  }
}
