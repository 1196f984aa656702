// Which of native/*.cc make the addon: all but oo-login, pam_oo and what they name in their `// sources:` line for
// themselves. Printed for binding.gyp, imported by build.mjs, so that a new file joins without an edit here.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const native = path.dirname(fileURLToPath(import.meta.url));
const programs = ['login.cc', 'pam_oo.cc'];
const shared = ['confine.cc', 'landlock.cc', 'seccomp.cc'];

/** The words behind `// key:` in a source's head, or undefined. */
export function words(file, key) {
  const line = new RegExp(`^// ${key}: (.*)$`, 'm').exec(readFileSync(file, 'utf8'));
  return line === null ? undefined : line[1].split(' ').filter(Boolean);
}

export function addonSources() {
  const others = new Set(programs);
  for (const program of programs.filter((name) => existsSync(path.join(native, name)))) {
    for (const name of words(path.join(native, program), 'sources') ?? []) others.add(name);
  }
  for (const name of shared) others.delete(name);
  const ofLogin = /^(login|pam_|profile|command|environment|confined_session)/;
  return readdirSync(native).filter(
    (name) => name.endsWith('.cc') && !others.has(name) && !ofLogin.test(name),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(
    addonSources()
      .map((name) => `native/${name}`)
      .join(' '),
  );
}
