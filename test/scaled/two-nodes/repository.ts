/**
 * The application's code as its owner has it: a clone in the client's host, of pages that say which version they are and
 * which gear they ran in. `push` tells what the other side said, and when: a line that was read says what had happened
 * by then. Invariant: each version is in two files, so that a mixture of two versions shows.
 */
import type { Application } from '../broker/application.js';
import { must } from '../../demo/node-host.js';
import type { Host } from '../../hosts/host.js';
import { domain, sshOptions } from './nodes.js';

export interface SaidLine {
  /** Milliseconds since 1970, when it was read. */
  readonly time: number;
  readonly text: string;
}

export interface Push {
  readonly exitCode: number | undefined;
  readonly lines: readonly SaidLine[];
  readonly text: string;
}

export interface PushOptions {
  /** Bytes of a file that does not compress; without it the file is removed. */
  readonly blob?: number;
  /** What the application's own `deploy` hook takes on each gear. */
  readonly deploySeconds?: number;
  /** Each line of the other side as it comes. */
  readonly onLine?: (line: SaidLine) => void;
}

const clone = '/root/app';

/** Answers `VERSION GEAR`, or with what is wrong; `/row.php` answers with what the database says. */
const index = `<?php
header('Content-Type: text/plain');
$other = trim(file_get_contents(__DIR__ . '/version.txt'));
echo 'VERSION' === $other ? 'VERSION' : "mixed VERSION and $other", ' ', getenv('OPENSHIFT_GEAR_UUID'), "\\n";
`;
const row = `<?php
header('Content-Type: text/plain');
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$db = new mysqli(getenv('OPENSHIFT_MYSQL_DB_HOST'), getenv('OPENSHIFT_MYSQL_DB_USERNAME'),
  getenv('OPENSHIFT_MYSQL_DB_PASSWORD'), getenv('OPENSHIFT_APP_NAME'), (int) getenv('OPENSHIFT_MYSQL_DB_PORT'));
if (isset($_GET['write'])) {
  $db->query('CREATE TABLE IF NOT EXISTS words (word VARCHAR(40))');
  $db->query("INSERT INTO words VALUES ('" . $db->real_escape_string($_GET['write']) . "')");
}
echo $db->query('SELECT word FROM words ORDER BY word DESC LIMIT 1')->fetch_row()[0], ' ', getenv('OPENSHIFT_GEAR_UUID'), "\\n";
`;

export class Repository {
  constructor(
    private readonly host: Host,
    private readonly app: Application,
  ) {}

  readonly #env = {
    GIT_SSH_COMMAND: ['ssh', ...sshOptions].join(' '),
    ...{ GIT_AUTHOR_NAME: 'Pat', GIT_AUTHOR_EMAIL: 'pat@example.com' },
    ...{ GIT_COMMITTER_NAME: 'Pat', GIT_COMMITTER_EMAIL: 'pat@example.com' },
  };

  async clone(): Promise<void> {
    const { uuid, name, namespace } = this.app;
    const url = `ssh://${uuid}@${name}-${namespace}.${domain}/~/git/${name}.git`;
    const { exitCode, stderr } = await this.host.run(['git', 'clone', '-q', url, clone], { env: this.#env });
    if (exitCode !== 0) throw new Error(`The clone failed: ${stderr}`);
  }

  /** Commits a version and pushes it. */
  async push(version: string, options: PushOptions = {}): Promise<Push> {
    const { blob = 0, deploySeconds = 0, onLine } = options;
    const files = {
      'index.php': index.replaceAll('VERSION', version),
      'row.php': row,
      'version.txt': `${version}\n`,
      '.openshift/action_hooks/deploy': `#!/bin/bash\nsleep ${deploySeconds}\n`,
    };
    for (const [name, content] of Object.entries(files))
      await must(this.host, ['tee', `${clone}/${name}`], content);
    const large = 'if (($1)); then head -c "$1" /dev/urandom >blob.bin; else rm -f blob.bin; fi';
    await this.host.run(['bash', '-c', large, 'blob', String(blob)], { cwd: clone });
    for (const argv of [
      ['add', '-A'],
      ['commit', '-q', '-m', version],
    ]) {
      const { exitCode, stderr } = await this.host.run(['git', ...argv], { cwd: clone, env: this.#env });
      if (exitCode !== 0) throw new Error(`git ${argv.join(' ')} failed: ${stderr}`);
    }
    const lines: SaidLine[] = [];
    let rest = '';
    const { exitCode } = await this.host.run(['git', 'push', 'origin', 'HEAD'], {
      cwd: clone,
      env: this.#env,
      onOutput: (_, text) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        for (const part of parts) {
          const line = { time: Date.now(), text: part.replace(/^remote: ?/, '').trimEnd() };
          lines.push(line);
          onLine?.(line);
        }
      },
    });
    return { exitCode, lines, text: lines.map(({ text }) => text).join('\n') };
  }
}
