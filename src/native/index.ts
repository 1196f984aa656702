/** The room's door for the public library: what is offered of the kernel's own means. Re-exports only. */
export * from './accounts.js';
export * from './beneath.js';
export * as cgroup from './cgroup.js';
export { observeEffects, type EffectListener } from './effect.js';
export * from './error.js';
export { landlockAbi } from './landlock.js';
export * from './launch.js';
export * from './lock.js';
export * from './quota.js';
export * as selinux from './selinux.js';
