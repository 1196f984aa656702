// Prints, inside a host, all of it that a node may change, every kernel rule as it stands: what a test compares.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { dumpHost } from '../../hosts/dump.js';

const run = promisify(execFile);

/** Rules as the kernel has them, without counters and the dates of their listing. */
async function rules(): Promise<string> {
  const listings = [
    ['iptables-legacy-save'],
    ['iptables-nft-save'],
    ['nft', '--stateless', 'list', 'ruleset'],
  ] as const;
  const texts = [];
  for (const [file, ...argv] of listings) {
    const { stdout } = await run(file, argv);
    texts.push(
      ...stdout
        .split('\n')
        .filter((line) => line.trim() !== '' && !line.startsWith('#'))
        .map((line) => `${file} ${line.replace(/\[\d+:\d+\]/g, '[0:0]')}`),
    );
  }
  return texts.join('\n');
}

const localnet = readFileSync('/proc/sys/net/ipv4/conf/all/route_localnet', 'utf8').trim();
process.stdout.write(`${await dumpHost()}${await rules()}\nroute_localnet ${localnet}\n`);
