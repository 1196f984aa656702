/**
 * What SELinux says about this host. Invariant: without its library or the kernel's part everything answers
 * "disabled". Labels of files are read and set through Directory (beneath.ts).
 */
import { addon, nativeError } from './load.js';

interface SelinuxAddon {
  enabled(): boolean;
  enforcing(): boolean;
  validLabel(label: string): boolean;
  processLabel(pid: number): string | undefined;
}

const native = (): SelinuxAddon => addon<{ selinux: SelinuxAddon }>().selinux;

export function enabled(): boolean {
  return native().enabled();
}

export function enforcing(): boolean {
  return native().enforcing();
}

/** Whether the loaded policy knows the label; always false when SELinux is disabled. */
export function validLabel(label: string): boolean {
  return native().validLabel(label);
}

/** The label of a process (default: this one); undefined when SELinux is disabled. */
export function processLabel(pid = 0): string | undefined {
  try {
    return native().processLabel(pid);
  } catch (error) {
    throw nativeError(error, `The label of process ${pid} cannot be read`);
  }
}
