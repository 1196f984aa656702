/** The servers of a gear's proxy, as its statistics socket tells. */
import { connect } from 'node:net';
import { readdirSync } from 'node:fs';

export interface Server {
  /** `UP`, `DOWN`, `MAINT` and the like. */
  readonly status: string;
  readonly backup: boolean;
  readonly sessions: number;
  readonly weight: number;
}

export async function servers(uuid: string): Promise<Readonly<Record<string, Server>>> {
  const home = `/var/lib/openshift/${uuid}`;
  const folder = readdirSync(home).find((name) => name.startsWith('haproxy-'));
  if (folder === undefined) throw new Error(`${uuid} has no proxy.`);
  const [head = '', ...rows] = (await ask(`${home}/${folder}/run/stats`, 'show stat')).trim().split('\n');
  const columns = head.replace(/^# /, '').split(',');
  const fields = rows.map((row) => {
    const values = row.split(',');
    return Object.fromEntries(columns.map((name, at) => [name, values[at] ?? '']));
  });
  return Object.fromEntries(
    fields
      .filter(({ svname = '' }) => /^(?:gear-|local-gear)/.test(svname))
      .map((row) => [
        row['svname'] ?? '',
        {
          status: row['status'] ?? '',
          backup: row['bck'] === '1',
          sessions: Number(row['stot']),
          weight: Number(row['weight']),
        },
      ]),
  );
}

function ask(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(path, () => socket.write(`${command}\n`));
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
