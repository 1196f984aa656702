/**
 * Landlock as a layer that may be there or not: what the running kernel offers, and the shape of a rule list. The
 * rules take effect in a launch (src/native/launch.ts).
 */
import { addon } from './load.js';

/** `readOnly` includes execute; missing paths are skipped; all else is denied. Targets of mounts may be named as such. */
export interface LandlockRules {
  readonly readOnly: readonly string[];
  readonly readWrite: readonly string[];
}

interface LandlockAddon {
  landlockAbi(): number;
}

/** The kernel's Landlock ABI, 0 where there is none. */
export function landlockAbi(): number {
  return addon<LandlockAddon>().landlockAbi();
}
