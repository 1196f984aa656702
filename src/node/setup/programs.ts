/**
 * The programs of the package on their way to /usr/libexec/openshift: commands, native parts, cartridges with their
 * SDK, and the links in /usr/sbin. Invariant: what is installed is a copy, complete and root's; a gear's running
 * process keeps the file it has, because a changed file is replaced, never written into.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OoError } from '../../native/error.js';
import type { SetupRecord } from './record.js';

/** The parts of a package: where it was built, or where an earlier set-up has put it. */
export interface Package {
  readonly bin: string;
  readonly native: string;
  readonly cartridges: string;
  readonly documents: string | undefined;
}

/** The package this program belongs to. */
export function findPackage(libexec: string): Package {
  let at = dirname(realpathSync(fileURLToPath(import.meta.url)));
  if (at.startsWith(`${libexec}/`)) {
    return {
      bin: join(libexec, 'bin'),
      native: join(libexec, 'native'),
      cartridges: join(libexec, 'cartridges'),
      documents: undefined,
    };
  }
  for (; at !== '/'; at = dirname(at)) {
    const dist = join(at, 'dist');
    if (existsSync(join(dist, 'bin', 'oo-rpc')) && existsSync(join(at, 'cartridges'))) {
      const native = join(dist, 'native');
      for (const part of ['oo_native.node', 'oo-login', 'pam_oo.so']) require_(join(native, part));
      return { bin: join(dist, 'bin'), native, cartridges: join(at, 'cartridges'), documents: dist };
    }
  }
  throw notBuilt('the commands of this package');
}

function require_(path: string): void {
  if (!existsSync(path)) throw notBuilt(path);
}

function notBuilt(what: string): OoError {
  return new OoError(`${what} has not been built: run "npm run build". Nothing was changed.`, {
    code: 'ERR_NOT_BUILT',
  });
}

export function installPrograms(record: SetupRecord, source: Package, libexec: string): void {
  const bin = join(libexec, 'bin');
  record.directory(libexec, 0o755);
  record.directory(bin, 0o755);
  record.directory(join(libexec, 'native'), 0o755);
  record.directory(join(libexec, 'cartridges'), 0o755);
  if (source.bin !== bin) {
    for (const name of readdirSync(source.bin).sort()) {
      const text = readFileSync(join(source.bin, name), 'utf8');
      // The Node that set up the node runs it: whoever calls a command may have another one, or none, in PATH.
      const pinned = text.replace(/^#!\/usr\/bin\/env node\n/, `#!${process.execPath}\n`);
      record.file(join(bin, name), pinned, name === 'package.json' ? 0o644 : 0o755);
    }
    record.file(
      join(libexec, 'native', 'oo_native.node'),
      readFileSync(join(source.native, 'oo_native.node')),
      0o755,
    );
    record.file(join(libexec, 'oo-login'), readFileSync(join(source.native, 'oo-login')), 0o755);
    record.file(join(libexec, 'pam_oo.so'), readFileSync(join(source.native, 'pam_oo.so')), 0o644);
    copyTree(record, source.cartridges, join(libexec, 'cartridges'));
  }
  for (const name of readdirSync(bin).sort()) {
    if (name.startsWith('oo-')) record.symlink(join(bin, name), join('/usr/sbin', name));
  }
  if (source.documents !== undefined) installDocuments(record, source.documents);
}

function copyTree(record: SetupRecord, from: string, to: string): void {
  for (const name of readdirSync(from).sort()) {
    const [source, target] = [join(from, name), join(to, name)];
    const { mode } = lstatSync(source);
    if (lstatSync(source).isDirectory()) {
      record.directory(target, 0o755);
      copyTree(record, source, target);
    } else {
      record.file(target, readFileSync(source), (mode & 0o111) === 0 ? 0o644 : 0o755);
    }
  }
}

const documentFolders: readonly (readonly [string, string])[] = [
  ['man/man8', '/usr/share/man/man8'],
  ['completion/bash', '/usr/share/bash-completion/completions'],
  ['completion/zsh', '/usr/share/zsh/vendor-completions'],
  ['completion/fish', '/usr/share/fish/vendor_completions.d'],
];

/** Man pages and completions, where the machine has a place for them. */
function installDocuments(record: SetupRecord, dist: string): void {
  for (const [from, to] of documentFolders) {
    if (!existsSync(join(dist, from)) || !existsSync(to)) continue;
    for (const name of readdirSync(join(dist, from)).sort()) {
      record.file(join(to, name), readFileSync(join(dist, from, name)), 0o644);
    }
  }
}
