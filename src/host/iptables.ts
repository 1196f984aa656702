/**
 * Public ports by iptables, whichever of its two variants: what is there is read by one iptables-save, what is to
 * change goes in by one `iptables-restore --noflush`, which commits a table whole or not at all. Invariant: the ports
 * are never there without the guard: it comes first and goes last.
 */
import { errnoOf } from '../native/error.js';
import {
  changesText,
  forwardsOf,
  guardMissing,
  guardText,
  missingOf,
  parseSaved,
  portsText,
  removalText,
  strangersOf,
  type SavedRules,
} from './iptables-rules.js';
import { changeRules, readRules } from './packet-program.js';
import {
  checkedChanges,
  checkedForwards,
  down,
  type ForwardChange,
  type Forwards,
  type PortForwarding,
} from './port-forwarding.js';
import { closeRouteLocalnet, openRouteLocalnet, switchProblems } from './route-localnet.js';

/** Seconds that another program may hold the lock of the legacy variant. */
const LOCK_SECONDS = '20';

export class Iptables implements PortForwarding {
  constructor(
    readonly kind: 'iptables' | 'iptables-legacy' | 'iptables-nft',
    private readonly memory: string,
  ) {}

  async apply(changes: readonly ForwardChange[]): Promise<void> {
    checkedChanges(changes);
    if (changes.length === 0) return;
    try {
      await this.#applyOnce(changes);
    } catch (error) {
      // Somebody may have changed the rules between our look and our transaction, which then was not made: look again.
      if (errnoOf(error) !== 'ERR_PACKET_RULES') throw error;
      await this.#applyOnce(changes);
    }
  }

  async #applyOnce(changes: readonly ForwardChange[]): Promise<void> {
    const saved = await this.#saved();
    const missing = [...missingOf(saved), ...switchProblems()];
    if (missing.length > 0) throw down(missing);
    await this.#change(changesText(saved, changes), `${changes.length} ports`);
  }

  async list(): Promise<Forwards> {
    return forwardsOf(await this.#saved());
  }

  async restore(wanted: Forwards): Promise<void> {
    checkedForwards(wanted);
    const saved = await this.#saved();
    if (guardMissing(saved).length > 0) await this.#change(guardText(saved), 'guard');
    openRouteLocalnet(this.memory);
    await this.#change(portsText(saved, wanted), `all ${wanted.size} ports`);
  }

  async remove({ switched } = { switched: true }): Promise<void> {
    const saved = await this.#saved();
    await this.#change(removalText(saved, 'nat'), 'no ports');
    if (switched) closeRouteLocalnet(this.memory);
    await this.#change(removalText(saved, 'raw'), 'no guard');
  }

  async problems(): Promise<readonly string[]> {
    const saved = await this.#saved();
    return [...missingOf(saved), ...switchProblems(), ...strangersOf(saved)];
  }

  async #saved(): Promise<SavedRules> {
    return parseSaved(await readRules(this.kind, `${this.kind}-save`, []));
  }

  async #change(text: string | undefined, summary: string): Promise<void> {
    if (text === undefined) return;
    const argv = ['--noflush', '-w', LOCK_SECONDS];
    await changeRules(this.kind, `${this.kind}-restore`, argv, { text, summary });
  }
}
