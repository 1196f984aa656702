/**
 * A process made to die: it carries out one request and kills itself just before its Nth change of the host (N = 0:
 * never; it prints how many changes there were). Run with `recover` it is the next command after the crash.
 * Invariant: the kill is SIGKILL, so that no handler, no `finally` and no exit hook of the product can help.
 */
import { openNode } from '../../src/node/node.js';
import { observeEffects } from '../../src/native/effect.js';
import { callAction } from '../../src/actions/call.js';
import { recover } from '../../src/operations/recover.js';

const [order, text, at] = process.argv.slice(2);
const node = await openNode();

if (order === 'recover') {
  await recover(node);
} else {
  const target = Number(at ?? '0');
  const names: string[] = [];
  observeEffects((name, detail) => {
    names.push(`${name} ${detail}`);
    if (names.length === target) {
      process.stderr.write(`killed before ${name} ${detail}\n`);
      process.kill(process.pid, 'SIGKILL');
      for (;;); // the signal is on its way: nothing more may be done
    }
  });
  const reply = await callAction(node, 'cartridge_do', JSON.parse(text ?? '{}') as unknown);
  observeEffects(undefined);
  process.stdout.write(JSON.stringify({ effects: names, reply }) + '\n');
}
