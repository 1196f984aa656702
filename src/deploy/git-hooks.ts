/**
 * What the platform lays into a gear's repository beside git's own files: the two hooks that build and deploy a push,
 * and the gear's git settings. Invariant: written by root through beneath, root-owned, so a push always meets the
 * platform's hooks unless the tenant replaces the directory on purpose; and whatever it does then, it does as the gear.
 */
import type { Directory } from '../native/beneath.js';

const HOOKS = { 'pre-receive': 'prereceive', 'post-receive': 'postreceive' } as const;

const GIT_SETTINGS = `[user]
	name = OpenShift System User
[gc]
	auto = 100
[pack]
	windowMemory = 10m
	packSizeLimit = 20m
`;

interface Labelled {
  readonly label?: string;
}

/** `HOME/.gitconfig`, if the gear has none. */
export function writeGitSettings(home: Directory, label: Labelled): void {
  if (!home.exists('.gitconfig')) {
    home.write('.gitconfig', GIT_SETTINGS, { mode: 0o644, owner: { uid: 0, gid: 0 }, ...label });
  }
}

/** The hooks, each one `exec` of the installed `gear` program. */
export function writeHooks(
  repository: Directory,
  gear: { readonly gid: number; readonly program: string },
  label: Labelled,
): void {
  const owner = { uid: 0, gid: gear.gid };
  repository.makeDirectory('hooks', { mode: 0o755, owner, existing: true, ...label });
  for (const [hook, verb] of Object.entries(HOOKS)) {
    const text = `#!/bin/sh\n# Written by the platform: builds and deploys what is pushed.\nexec '${gear.program}' ${verb}\n`;
    repository.write(`hooks/${hook}`, text, { mode: 0o755, owner, ...label });
  }
}
