/**
 * Public ports by nftables: one table `ip oo_node` with a guard, two chains that translate, and one map from port to
 * address. Invariants: the table is ours whole, no other one is ever named; a change costs what it changes, however many
 * ports there are (nothing on its way asks nft to list, which reads the whole map); ports never stand without the guard.
 */
import { errnoOf } from '../native/error.js';
import {
  changesText,
  elementsOf,
  guardText,
  missingOf,
  parseItems,
  removalText,
  TABLE,
  tableText,
  type NftItem,
} from './nftables-rules.js';
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

export class Nftables implements PortForwarding {
  readonly kind = 'nftables';

  constructor(private readonly memory: string) {}

  async apply(changes: readonly ForwardChange[]): Promise<void> {
    checkedChanges(changes);
    if (changes.length === 0) return;
    const closed = switchProblems();
    if (closed.length > 0) throw down(closed);
    try {
      await this.#change(changesText(changes), `${changes.length} ports`);
    } catch (error) {
      if (errnoOf(error) !== 'ERR_PACKET_RULES') throw error;
      const items = await this.#table();
      const { missing } = missingOf(items);
      if (missing.length > 0) throw down(missing);
      // A port leads neither where it led nor where it shall lead: change what the kernel has.
      const now = elementsOf(items);
      const actual = changes.map(({ port, to }) => ({ port, from: now.get(port), to }));
      await this.#change(changesText(actual), `${changes.length} ports`);
    }
  }

  async list(): Promise<Forwards> {
    return elementsOf(await this.#table());
  }

  async restore(wanted: Forwards): Promise<void> {
    checkedForwards(wanted);
    const items = await this.#table();
    const { guarded, missing, strange } = missingOf(items);
    if (!guarded) await this.#change(guardText, 'guard');
    openRouteLocalnet(this.memory);
    if (missing.length > 0 || strange.length > 0 || !same(elementsOf(items), wanted)) {
      await this.#change(tableText(wanted), `all ${wanted.size} ports`);
    }
  }

  async remove({ switched } = { switched: true }): Promise<void> {
    const items = await this.#table('-t');
    if (items.length > 0) await this.#change(guardText, 'no ports');
    if (switched) closeRouteLocalnet(this.memory);
    if (items.length > 0) await this.#change(removalText, 'no guard');
  }

  async problems(): Promise<readonly string[]> {
    const { missing, strange } = missingOf(await this.#table('-t'));
    return [...missing, ...switchProblems(), ...strange];
  }

  /** Our table; empty when it is not there. `-t` leaves the elements of the map out. */
  async #table(...flags: readonly string[]): Promise<readonly NftItem[]> {
    try {
      return parseItems(await readRules(this.kind, 'nft', ['-j', ...flags, 'list', 'table', 'ip', TABLE]));
    } catch (error) {
      if (errnoOf(error) !== 'ERR_PACKET_RULES') throw error;
      const tables = parseItems(await readRules(this.kind, 'nft', ['-j', 'list', 'tables', 'ip']));
      if (tables.some(({ table }) => table?.name === TABLE)) throw error;
      return [];
    }
  }

  async #change(text: string, summary: string): Promise<void> {
    await changeRules(this.kind, 'nft', ['-f', '-'], { text, summary });
  }
}

function same(one: Forwards, other: Forwards): boolean {
  return one.size === other.size && [...one].every(([port, target]) => other.get(port) === target);
}
