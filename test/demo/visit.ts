// Looks at the demo's application from the machine by the lines that were printed, as they stand: a shell reads them as
// a person's would. Then a change is pushed and seen.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Steps } from './steps.js';

export interface Lines {
  readonly curl: string;
  readonly clone: string;
  readonly ssh: string;
  readonly uuid: string;
  readonly name: string;
}

/** Runs one printed line; what it prints comes back, and a failure shows it. */
function typed(line: string, cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', line], { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 });
    let output = '';
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0
        ? resolve(output + said)
        : reject(new Error(`ended with ${code}: ${line}\n${output}${said}`)),
    );
  });
}

const firstLines = (text: string, count = 4): string => text.split('\n').slice(0, count).join('\n');

export async function look(steps: Steps, lines: Lines, directory: string): Promise<void> {
  const work = `${directory}/work`;
  mkdirSync(work);
  await steps.run(
    'the curl line',
    () => typed(lines.curl, work),
    (page) => firstLines(page),
  );
  await steps.run('the git clone line', () => typed(lines.clone, work));
  await steps.run(
    'the ssh line, with a command',
    () => typed(`${lines.ssh} id`, work),
    (output) => output,
  );

  const clone = `${work}/phpapp`;
  const page = ['index.php', 'php/index.php']
    .map((name) => `${clone}/${name}`)
    .find((path) => existsSync(path));
  if (page === undefined) throw new Error(`The clone has no index.php.`);
  const mark = `pushed at ${new Date().toISOString()} by the demo`;
  const identity = "-c user.name=Demo -c user.email='demo@example.com'";
  await steps.run(
    'a changed page is pushed',
    () => {
      writeFileSync(page, `${mark} <?php echo 6 * 7; ?>\n${readFileSync(page, 'utf8')}`);
      const environment = lines.clone.slice(0, lines.clone.indexOf(' git clone'));
      return typed(
        `git ${identity} commit -q -a -m 'A changed page' && ${environment} git push -q origin HEAD`,
        clone,
      );
    },
    (output) => firstLines(output, 20),
  );
  await steps.run('the curl line shows it', async () => {
    const output = await typed(lines.curl, work);
    if (!output.includes(`${mark} 42`)) throw new Error(`The page is still:\n${firstLines(output)}`);
  });
  const sql =
    'CREATE TABLE demo (word VARCHAR(20)); INSERT INTO demo VALUES ("kept"); SELECT word FROM demo;';
  const client =
    'mysql -h "$OPENSHIFT_MYSQL_DB_HOST" -P "$OPENSHIFT_MYSQL_DB_PORT" -u "$OPENSHIFT_MYSQL_DB_USERNAME"' +
    ' -p"$OPENSHIFT_MYSQL_DB_PASSWORD" "$OPENSHIFT_APP_NAME"';
  await steps.run('a row is written to MariaDB and read back, by the variables of the gear', async () => {
    const output = await typed(`echo '${sql}' | ${lines.ssh} '${client}'`, work);
    if (!output.split('\n').includes('kept')) throw new Error(`It answered:\n${output}`);
  });
}
