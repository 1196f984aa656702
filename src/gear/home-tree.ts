/**
 * The tree of a gear's home as a table: what is there at birth, whose it is, with which mode. `root` is
 * root's with the gear's group (the gear reads), `gear` is the gear's own, `hidden` is root's alone.
 * Invariant: parents stand before their children, and nothing directly below the home belongs to the gear
 * except directories named here.
 */
export type Owner = 'root' | 'gear' | 'hidden';

export interface TreeDirectory {
  readonly path: string;
  readonly owner: Owner;
  readonly mode: number;
}

export const homeDirectories: readonly TreeDirectory[] = [
  { path: '.tmp', owner: 'hidden', mode: 0o700 },
  { path: '.tmp/tmp', owner: 'gear', mode: 0o1700 },
  { path: '.tmp/var-tmp', owner: 'gear', mode: 0o1700 },
  { path: '.tmp/shm', owner: 'gear', mode: 0o1700 },
  { path: '.sandbox', owner: 'hidden', mode: 0o000 },
  { path: '.env', owner: 'root', mode: 0o750 },
  { path: '.env/user_vars', owner: 'root', mode: 0o770 },
  { path: '.ssh', owner: 'root', mode: 0o750 },
  { path: '.gem', owner: 'gear', mode: 0o750 },
  { path: '.openshift_ssh', owner: 'gear', mode: 0o750 },
  { path: 'app-root', owner: 'root', mode: 0o750 },
  { path: 'app-root/data', owner: 'gear', mode: 0o750 },
  { path: 'app-root/logs', owner: 'gear', mode: 0o750 },
  { path: 'app-root/runtime', owner: 'gear', mode: 0o750 },
  { path: 'app-root/runtime/repo', owner: 'gear', mode: 0o750 },
  { path: 'app-root/runtime/dependencies', owner: 'gear', mode: 0o750 },
  { path: 'app-root/runtime/build-dependencies', owner: 'gear', mode: 0o750 },
  { path: 'app-deployments', owner: 'gear', mode: 0o750 },
  { path: 'app-deployments/by-id', owner: 'gear', mode: 0o750 },
  { path: 'git', owner: 'root', mode: 0o750 },
];

export interface TreeFile {
  readonly path: string;
  readonly owner: Owner;
  readonly mode: number;
  readonly content: string;
}

export const homeFiles: readonly TreeFile[] = [
  { path: '.ssh/authorized_keys', owner: 'root', mode: 0o440, content: '' },
  { path: '.openshift_ssh/known_hosts', owner: 'gear', mode: 0o660, content: '' },
  { path: '.openshift_ssh/config', owner: 'gear', mode: 0o660, content: '' },
  { path: 'app-root/runtime/.state', owner: 'gear', mode: 0o660, content: 'new\n' },
];

export interface TreeLink {
  readonly path: string;
  readonly target: string;
}

export const homeLinks: readonly TreeLink[] = [
  { path: 'app-root/runtime/data', target: '../data' },
  { path: 'app-root/repo', target: 'runtime/repo' },
  { path: 'app-root/dependencies', target: 'runtime/dependencies' },
  { path: 'app-root/build-dependencies', target: 'runtime/build-dependencies' },
];
