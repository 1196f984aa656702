/**
 * The one seam through which every change of the host passes. Each native or host call that changes something calls
 * `effect` just before it acts; a crash test registers a listener that counts them and kills the process at the Nth.
 * Invariant: no listener exists outside tests, so in production this is one comparison.
 */
export type EffectListener = (name: string, detail: string) => void;

let listener: EffectListener | undefined;

/** Announce a change that is about to be made: a short name (`beneath.write`, `cgroup.create`) and what it concerns. */
export function effect(name: string, detail: string): void {
  if (listener !== undefined) listener(name, detail);
}

/** For tests only: observe (or, by throwing or killing, prevent) each effect. */
export function observeEffects(next: EffectListener | undefined): void {
  listener = next;
}
