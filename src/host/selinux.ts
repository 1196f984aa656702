/**
 * Whether and how SELinux confines on this host. Invariant: never claims a layer that the kernel does not enforce.
 */
import { OoError } from '../native/error.js';
import { enabled, enforcing, validLabel } from '../native/selinux.js';

export type SelinuxMode = 'enforcing' | 'permissive' | 'disabled';

export function selinuxMode(): SelinuxMode {
  if (!enabled()) return 'disabled';
  return enforcing() ? 'enforcing' : 'permissive';
}

/** Throws unless the loaded policy knows the label; without SELinux there is nothing to know. */
export function requireLabel(label: string): void {
  if (!enabled() || validLabel(label)) return;
  throw new OoError(
    `SELinux is on, but its policy does not know the label ${label}; nothing was done. Install the policy module of this node.`,
    { code: 'ERR_SELINUX_LABEL' },
  );
}
