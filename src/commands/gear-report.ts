/**
 * The report on one gear as text, in the manner of `systemctl status`: facts first, then what is missing, each with the
 * command that mends it. Invariant: nothing is decided here; what a process or a tenant has written cannot add a line.
 */
import type { GearReport } from '../operations/explain.js';
import type { LimitUse } from '../host/cgroup-use.js';

const WIDTH = 12;

function row(name: string, lines: readonly string[]): string {
  const indent = ' '.repeat(WIDTH + 2);
  const [first = 'none', ...rest] = lines;
  return `${name.padStart(WIDTH)}: ${first}\n${rest.map((line) => `${indent}${line}\n`).join('')}`;
}

function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [count, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${Number(value.toFixed(1))} ${units[unit] ?? ''}`;
}

function limitLine({ what, limit, used, period }: LimitUse): string {
  if (what === 'cpu') {
    const share = limit === undefined ? 'no limit' : `limit ${Math.round((100 * limit) / (period ?? 1))} %`;
    return `cpu ${used === undefined ? 'unknown' : `${(used / 1e6).toFixed(1)} s`} so far, ${share}`;
  }
  const text = (count: number): string => (what === 'processes' ? String(count) : bytes(count));
  const of = limit === undefined ? 'no limit' : `limit ${text(limit)}`;
  return `${what} ${used === undefined ? 'unknown' : text(used)}, ${of}`;
}

function quotaLine({ quota }: GearReport): string {
  if (quota === null) return 'this disk does not count';
  const { blocks, inodes } = quota;
  const limit = (hard: number, text: string): string => (hard === 0 ? 'no limit' : `limit ${text}`);
  return (
    `${bytes(blocks.used * 1024)}, ${limit(blocks.hard, bytes(blocks.hard * 1024))}; ` +
    `${inodes.used} files, ${limit(inodes.hard, String(inodes.hard))}`
  );
}

function processLines({ processes }: GearReport): readonly string[] {
  return processes.flatMap((view) => {
    const { capabilities, cgroups } = view;
    const paths = ['v2', 'cpu', 'memory', 'pids'].map((tree) => cgroups[tree] ?? '/');
    // A group above one that is shown says nothing more.
    const groups = [...new Set(paths)].filter((path) => !paths.some((other) => other.startsWith(`${path}/`)));
    return [
      `${view.pid} ${view.command}`,
      ...(view.sshServer ? ["  the SSH server's part of a session, not the gear's"] : []),
      `  uid ${view.uids.join(' ')}, gid ${view.gids.join(' ')}, groups ${view.groups.join(' ') || 'none'}`,
      `  CapEff ${capabilities.effective}, CapBnd ${capabilities.bounding}, NoNewPrivs ${view.noNewPrivileges ? 1 : 0}, ` +
        `seccomp ${view.seccomp}, label ${view.label ?? 'none'}`,
      `  mounts ${view.ownMounts ? 'of its own' : 'of the machine'}, oom_score_adj ${view.oomScoreAdj}, ` +
        `group ${groups.join(' ')}`,
    ];
  });
}

const held = (layers: Readonly<Record<string, boolean>>): readonly string[] =>
  Object.entries(layers).map(([name, there]) => `${name} ${there ? 'yes' : 'no'}`);

export function gearReportText(report: GearReport): string {
  const { missing, cartridges, endpoints, ports, routes, keys, addresses, home, group } = report;
  const nowhere = 'nowhere';
  return [
    `${missing.length === 0 ? '●' : '×'} ${report.uuid} - ${report.application} (${report.dns})\n`,
    row('State', [
      `${report.state}${report.stopped === null ? '' : `, stopped by its user ${report.stopped}`.trimEnd()}`,
    ]),
    row(
      'Cartridges',
      cartridges.map(({ directory, name, version }) => `${directory} (${name}-${version})`),
    ),
    row('Account', [`uid ${report.uid}, gid ${report.gid}`]),
    row('Home', [`${home.path} ${home.owner} ${home.mode}`]),
    row('Layers', [
      `of this machine: ${held(report.layers).join(', ')}`,
      `landlock of the gear: ${report.landlock}`,
    ]),
    row('Group', [group.path, ...group.directories]),
    row('Limits', report.limits.map(limitLine)),
    row('Disk', [quotaLine(report)]),
    row('Addresses', [
      `${addresses.first} to ${addresses.last}`,
      ...endpoints.map(({ cartridge, variable, address }) => `${address} ${cartridge} ${variable}`),
    ]),
    row(
      'Ports',
      ports.map(({ port, claim, kernel }) => {
        const file = claim === undefined ? nowhere : `${claim.target} ${claim.variable}`;
        return `${port}: file ${file}, kernel ${kernel ?? nowhere}${claim?.closing === true ? ', closing' : ''}`;
      }),
    ),
    row(
      'Routes',
      routes.map(({ name, file, memory }) => `${name}: file ${file ?? nowhere}, memory ${memory ?? nowhere}`),
    ),
    row(
      'Keys',
      keys.map(({ type, fingerprint, comment }) => `${type} ${fingerprint} ${comment}`.trimEnd()),
    ),
    row('Processes', processLines(report)),
    missing.length === 0
      ? '\nEvery layer holds.\n'
      : `\nMissing:\n${missing.map(({ layer, wrong, mend }) => `  ${layer}: ${wrong}.\n    mend: ${mend}\n`).join('')}`,
  ].join('');
}
