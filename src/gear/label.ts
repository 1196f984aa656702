/**
 * The SELinux contexts of a gear's processes and files, from its uid. Invariant: undefined exactly where
 * SELinux is not enabled, so that "no label" is never a label left out by mistake.
 */
import { enabled } from '../native/selinux.js';
import type { Node } from '../node/node.js';
import { mcsLabel } from './identity.js';

const PROCESS = 'unconfined_u:system_r:openshift_t';
const FILE = 'unconfined_u:object_r:openshift_var_lib_t';

let known: boolean | undefined;

/** Asked of the kernel once: SELinux is switched on or off only by a reboot. */
export function labelled(): boolean {
  known ??= enabled();
  return known;
}

export function gearLabel(node: Node, uid: number): string | undefined {
  return labelled() ? `${PROCESS}:${mcsLabel(uid, node.config.identity)}` : undefined;
}

export function fileLabel(node: Node, uid: number): string | undefined {
  return labelled() ? `${FILE}:${mcsLabel(uid, node.config.identity)}` : undefined;
}

/** `{ label }` or nothing, to be spread into the options of a write. */
export function labelOption(label: string | undefined): { readonly label?: string } {
  return label === undefined ? {} : { label };
}
