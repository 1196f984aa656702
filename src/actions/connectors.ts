/**
 * Connection hooks (`connector-execute`): named arguments, of which `--input-args` is itself a string of quoted words.
 * A cartridge without that connector answers nothing and succeeds.
 */
import type { InnerAction } from './inner-action.js';

export const connectors: ReadonlyMap<string, InnerAction> = new Map();
