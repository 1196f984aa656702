/**
 * Whether this machine is fit to be a node: every check of the node, its machine and its gears, one after another.
 * Invariants: nothing is mended and nothing but a lock file is made; a check that cannot be carried out is a failed
 * one, and the others are carried out all the same.
 */
import { errnoOf } from '../native/error.js';
import { gearAccounts } from '../node/account-list.js';
import { keyFindings, nameFindings } from '../node/acceptance/configuration.js';
import {
  cgroupFindings,
  folderFindings,
  kernelFindings,
  programFindings,
  sshFindings,
  unitFindings,
} from '../node/acceptance/machine.js';
import type { Finding } from '../node/finding.js';
import type { Node } from '../node/node.js';
import { gearFindings, orphanFindings, portFindings, portProxyFindings } from '../gear/acceptance.js';
import { isGearUuid } from '../gear/identity.js';
import { tryGearLock } from '../gear/lock.js';
import { nodeJournal } from './journal.js';
import { missingLayers } from './missing-layers.js';

export interface Check {
  readonly name: string;
  readonly failures: readonly Finding[];
}

async function journalFindings(node: Node): Promise<readonly Finding[]> {
  const journal = nodeJournal(node);
  const findings: Finding[] = [];
  for (const gear of new Set(journal.pending().map(({ gear: name }) => name))) {
    // Whoever holds the lock is still at work.
    const left = await tryGearLock(node, gear, async () => journal.pending(gear));
    for (const { operation } of left ?? [])
      findings.push({
        layer: 'journal',
        wrong: `The operation "${operation}" on gear ${gear} was not ended`,
        mend: `oo-admin-ctl-gears recover ${gear}`,
      });
  }
  return findings;
}

async function frontDoorFindings(node: Node): Promise<readonly Finding[]> {
  const layer = 'front door';
  try {
    return (await node.routes.differences()).map((name) => ({
      layer,
      wrong: `${name} is not alike in HAProxy's memory and in ${node.paths.routesMap}`,
      mend: 'oo-admin-ctl-gears recover',
    }));
  } catch (error) {
    if (errnoOf(error) !== 'ERR_HAPROXY_DOWN') throw error;
    return [{ layer, wrong: 'HAProxy does not run', mend: 'oo-admin-node-setup --start' }];
  }
}

/** `progress` is told of each check before it begins. */
export async function acceptNode(node: Node, progress: (text: string) => void): Promise<readonly Check[]> {
  const { config } = node;
  const accounts = gearAccounts(config.gearGecos).filter(({ name }) => isGearUuid(name));
  const told = (done: number, all: number): void => {
    if (done > 0 && done % 100 === 0) progress(`gears: ${done} of ${all}`);
  };
  const checks: readonly (readonly [string, () => readonly Finding[] | Promise<readonly Finding[]>])[] = [
    ['configuration', () => keyFindings(config)],
    ['names and addresses', () => nameFindings(config)],
    ['layers that node.conf demands', () => missingLayers(node)],
    ['folders', () => folderFindings(node)],
    ['programs', () => programFindings(node)],
    ['SSH', () => sshFindings(node)],
    ['kernel', () => kernelFindings()],
    ['control groups', () => cgroupFindings(node)],
    ['units', () => unitFindings(node)],
    ['front door', () => frontDoorFindings(node)],
    ['port proxy', () => portProxyFindings(node)],
    ['claims of public ports', () => portFindings(node, accounts)],
    ['journal', () => journalFindings(node)],
    ['gears', () => gearFindings(node, accounts, (done) => told(done, accounts.length))],
    ['what has no gear', () => orphanFindings(node, accounts)],
  ];
  const results: Check[] = [];
  for (const [name, look] of checks) {
    progress(name);
    let failures: readonly Finding[];
    try {
      failures = await look();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      failures = [
        { layer: name, wrong: `It could not be looked at: ${why}`, mend: 'oo-accept-node --debug' },
      ];
    }
    results.push({ name, failures });
  }
  return results;
}
