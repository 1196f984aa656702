/**
 * The text of one synchronization as the seed has it, with the folders that the seed leaves out: regular expressions,
 * since dates and counts of bytes differ.
 */
import { address, head, type Gear } from './scaled-gears.js';

const DATE = '\\w{3} \\w{3} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\w+ \\d{4}';
export const RELOAD = `${DATE}: Conditionally reloading HAProxy service `;

export function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The seed's text for one gear, as lines of a regular expression. */
export function trace(gear: Gear, listed: readonly string[] = ['./']): string[] {
  const to = `${gear.uuid}@${address}`;
  const from = `${head.home}//php-5.3`;
  const folders = ['node_modules', 'virtenv', '../.m2', '.openshift', 'deployments', 'perl5lib', 'phplib'];
  const subd = `+ for subd in '"\${OPENSHIFT_SYNC_GEARS_DIRS[@]}"'`;
  const call = (list: string): string => `+ for rpccall in '"\${OPENSHIFT_SYNC_GEARS_${list}[@]}"'`;
  return [
    escaped(`SSH_CMD: ssh ${to}`),
    escaped('++ date'),
    escaped(`+ echo 'Syncing to gear: ${to}:php-5.3 @ ' `) + DATE,
    escaped(`Syncing to gear: ${to}:php-5.3 @  `) + DATE,
    escaped(call('PRE')),
    escaped(`+ ssh ${to} 'ctl_all stop'`),
    'Waiting for stop to finish',
    'Done',
    escaped(subd),
    escaped(`+ '[' -d ${from}/repo ']'`),
    escaped(`+ rsync -v --delete-after -az ${from}/repo/ ${to}:php-5.3/repo/`),
    escaped('building file list ... done'),
    ...listed.map(escaped),
    '',
    'sent \\d+ bytes  received \\d+ bytes  \\d+\\.\\d\\d bytes/sec',
    'total size is \\d+  speedup is \\d+\\.\\d\\d',
    ...folders.flatMap((folder) => [escaped(subd), escaped(`+ '[' -d ${from}/${folder} ']'`)]),
    escaped(call('POST')),
    escaped(`+ ssh ${to} deploy.sh`),
    escaped('Running .openshift/action_hooks/deploy'),
    escaped(call('POST')),
    escaped(`+ ssh ${to} 'ctl_all start'`),
    'Done',
    escaped(call('POST')),
    escaped(`+ ssh ${to} post_deploy.sh`),
    escaped('Running .openshift/action_hooks/post_deploy'),
    'Exit code: 0',
  ];
}
export const whole = (lines: readonly string[]): RegExp => new RegExp(`^${lines.join('\n')}\n$`);
