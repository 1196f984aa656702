/**
 * Whether anybody still talks to an address and port of this machine, by the kernel's own table of TCP sockets.
 * Invariant: listeners, and sockets whose program here has closed them, do not count (what it wrote is the kernel's to
 * deliver); reading stops at the first that does.
 */
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { endianness } from 'node:os';

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
/** The kernel's ESTABLISHED, SYN_RECV, CLOSE_WAIT and NEW_SYN_RECV: a program here may still read or write. */
const TALKING = new Set(['01', '03', '08', '0C']);

/** `127.0.253.129:8080` as the table of IPv4 writes it; that of IPv6 ends with the same. */
function tableForm(target: string): string {
  const [address = '', port = ''] = target.split(':');
  const bytes = Buffer.from(address.split('.').map(Number));
  const word = endianness() === 'LE' ? bytes.readUInt32LE() : bytes.readUInt32BE();
  const hex = (value: number, digits: number): string =>
    value.toString(16).toUpperCase().padStart(digits, '0');
  return `${hex(word, 8)}:${hex(Number(port), 4)}`;
}

async function isIn(table: string, forms: readonly string[]): Promise<boolean> {
  const input = createReadStream(table, { encoding: 'latin1' });
  try {
    for await (const line of createInterface({ input })) {
      const [, local = '', , state = ''] = line.trim().split(/\s+/, 4);
      if (TALKING.has(state) && forms.some((form) => local.endsWith(form))) return true;
    }
    return false;
  } finally {
    input.destroy();
  }
}

/** Is any connection to one of the targets (`address:port`) not over? */
export async function anyConnection(targets: readonly string[]): Promise<boolean> {
  const forms = targets.map(tableForm);
  for (const table of TABLES) if (existsSync(table) && (await isIn(table, forms))) return true;
  return false;
}
