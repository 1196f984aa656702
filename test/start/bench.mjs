// Runs one benchmark, test/bench/NAME.bench.ts, in a disposable host of its own and passes what it prints.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseHostOptions } from '../hosts/options.mjs';
import { runHost } from '../hosts/runner.mjs';
import { repository } from './build.mjs';

/** Options of the host where a benchmark needs them: durable writes are only honest on a disk. */
const hosts = {
  create: ['--disk'],
  scaled: ['--disk', '--hostname', 'broker.test.example.com', '--address', '192.168.59.144'],
};

export async function bench(argv) {
  const [name, ...rest] = argv.filter((word) => word !== '--');
  const compiled = join(repository, 'dist', 'test', 'bench');
  const names = existsSync(compiled)
    ? readdirSync(compiled)
        .filter((file) => file.endsWith('.bench.js'))
        .map((file) => file.slice(0, -'.bench.js'.length))
    : [];
  if (!names.includes(name)) {
    console.error(`There is no benchmark '${name ?? ''}'. The benchmarks are: ${names.join(', ')}`);
    return 2;
  }
  const command = [process.execPath, join(compiled, `${name}.bench.js`), ...rest];
  return runHost(parseHostOptions([...(hosts[name] ?? []), '--', ...command]));
}
