/**
 * The journal against a host that is a set of words: killed or failing at every point, it is before or after.
 */
import t from 'tap';
import fc from 'fast-check';
import { appendFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEntry, parseEntryName } from '../../src/journal/entry.js';
import { Journal } from '../../src/journal/journal.js';
import type { OperationDefinition } from '../../src/journal/operation.js';

/** A host model: a set of words, and a countdown to a kill or a failure at the nth change. */
class FakeHost {
  readonly words = new Set<string>();
  left = Infinity;
  mode: 'kill' | 'fail' = 'kill';

  change(work: () => void): void {
    if (this.left === 0) {
      if (this.mode === 'kill') throw new Killed();
      this.left = Infinity; // one failure, then the undo works
      throw new Error('no space');
    }
    this.left -= 1;
    work();
  }
}

/** Stands for kill -9: nobody may catch it and go on, so the journal must be left as it is. */
class Killed extends Error {}

interface Context {
  readonly names: readonly string[];
}

function operation(
  host: FakeHost,
  recover: 'back' | 'forward',
): OperationDefinition<{ names: string[] }, Context> {
  return {
    name: `words-${recover}`,
    recover,
    open: (input) => ({ names: input.names }),
    steps: (context) =>
      context.names.map((name) => ({
        name,
        // two changes a step, so that a step can be half done
        run() {
          host.change(() => host.words.add(`${name}-a`));
          host.change(() => host.words.add(`${name}-b`));
        },
        undo() {
          host.change(() => host.words.delete(`${name}-b`));
          host.change(() => host.words.delete(`${name}-a`));
        },
      })),
  };
}

const full = (names: readonly string[]): string[] =>
  names.flatMap((name) => [`${name}-a`, `${name}-b`]).sort();

/**
 * True when the run was killed. A killed process undoes nothing: the model's countdown stays at 0, so that
 * whatever the journal tries afterwards changes nothing either.
 */
async function killedRun(
  dir: string,
  definition: OperationDefinition<{ names: string[] }, Context>,
  names: string[],
): Promise<boolean> {
  try {
    await Journal.open(dir).run(definition, 'gear1', { names });
    return false;
  } catch {
    return true;
  }
}

t.test('a run that ends leaves no entry', async (t) => {
  const dir = t.testdir({});
  const host = new FakeHost();
  await Journal.open(dir).run(operation(host, 'back'), 'gear1', { names: ['x', 'y'] });
  t.same([...host.words].sort(), full(['x', 'y']));
  t.same(readdirSync(dir), []);
});

t.test('a failure at any change undoes all, rethrows with the step, and leaves no entry', async (t) => {
  for (let n = 0; n < 6; n += 1) {
    const dir = t.testdir({});
    const host = new FakeHost();
    host.left = n;
    host.mode = 'fail';
    await t.rejects(Journal.open(dir).run(operation(host, 'back'), 'gear1', { names: ['x', 'y', 'z'] }), {
      step: ['x', 'x', 'y', 'y', 'z', 'z'][n],
      message: /no space/,
    });
    t.same([...host.words], [], `failure at ${n}`);
    t.same(readdirSync(dir), []);
  }
});

t.test(
  'a kill at any change, also during recovery itself, ends before (back) or after (forward)',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<'back' | 'forward'>('back', 'forward'),
        fc.integer({ min: 0, max: 7 }),
        fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 4 }),
        async (recover, first, kills) => {
          const dir = t.testdir({});
          const host = new FakeHost();
          const names = ['x', 'y', 'z'];
          host.left = first;
          const killed = await killedRun(dir, operation(host, recover), names);
          for (const again of kills) {
            host.left = again;
            const journal = Journal.open(dir);
            journal.register(operation(host, recover));
            await journal.recover({ gear: 'gear1' });
          }
          host.left = Infinity;
          const journal = Journal.open(dir);
          journal.register(operation(host, recover));
          const recovered = await journal.recover({ gear: 'gear1' });
          const expected = !killed || recover === 'forward' ? full(names) : [];
          return (
            JSON.stringify([...host.words].sort()) === JSON.stringify(expected) &&
            readdirSync(dir).length === 0 &&
            recovered.every(({ outcome }) => outcome === recover)
          );
        },
      ),
      { numRuns: 200 },
    );
    t.pass();
  },
);

t.test('a torn entry never began: it is removed and nothing is undone', async (t) => {
  const dir = t.testdir({});
  const whole = JSON.stringify({
    version: 1,
    gear: 'gear1',
    operation: 'words-back',
    input: { names: ['x'] },
    pid: 1,
    time: '',
  });
  for (let length = 0; length <= whole.length; length += 1) {
    const host = new FakeHost();
    host.words.add('x-a');
    writeFileSync(join(dir, 'gear1.words-back.1.json'), whole.slice(0, length));
    const journal = Journal.open(dir);
    journal.register(operation(host, 'back'));
    const [recovered] = await journal.recover({ gear: 'gear1' });
    if (recovered?.outcome !== 'torn' || !host.words.has('x-a') || readdirSync(dir).length !== 0)
      t.fail(`at ${length}`);
  }
  t.pass();
});

t.test('torn notes of progress do not disturb', async (t) => {
  const dir = t.testdir({});
  const host = new FakeHost();
  host.words.add('x-a');
  const file = join(dir, 'gear1.words-back.1.json');
  writeFileSync(
    file,
    `${JSON.stringify({ version: 1, gear: 'gear1', operation: 'words-back', input: { names: ['x'] } })}\n`,
  );
  appendFileSync(file, '{"begin":"x"}\n{"en');
  const journal = Journal.open(dir);
  journal.register(operation(host, 'back'));
  t.match(await journal.recover({ gear: 'gear1' }), [{ outcome: 'back' }]);
  t.same([...host.words], []);
});

t.test('an operation that had ended is only crossed out', async (t) => {
  const dir = t.testdir({});
  const host = new FakeHost();
  host.words.add('x-a');
  const head = JSON.stringify({
    version: 1,
    gear: 'gear1',
    operation: 'words-back',
    input: { names: ['x'] },
  });
  writeFileSync(
    join(dir, 'gear1.words-back.1.json'),
    `${head}\n{"begin":"x"}\n{"end":"x"}\n{"finished":true}\n`,
  );
  const journal = Journal.open(dir);
  journal.register(operation(host, 'back'));
  t.match(await journal.recover({ gear: 'gear1' }), [{ outcome: 'finished' }]);
  t.same([...host.words], ['x-a']);
});

t.test('an unknown operation and a broken entry are kept and reported', async (t) => {
  const dir = t.testdir({});
  writeFileSync(
    join(dir, 'gear1.never-heard.1.json'),
    `${JSON.stringify({ version: 1, gear: 'gear1', operation: 'never-heard' })}\n`,
  );
  writeFileSync(join(dir, 'gear1.words-back.2.json'), 'not json\n');
  const recovered = await Journal.open(dir).recover({ gear: 'gear1' });
  t.same(
    recovered.map(({ outcome }) => outcome),
    ['kept', 'kept'],
  );
  t.match(recovered[0]?.error?.message, /words-back/);
  t.match(recovered[1]?.error?.message, /does not know/);
  t.equal(readdirSync(dir).length, 2);
});

t.test('recovery of all gears passes over those whose lock is held', async (t) => {
  const dir = t.testdir({});
  const host = new FakeHost();
  for (const gear of ['a', 'b']) {
    writeFileSync(
      join(dir, `${gear}.words-back.1.json`),
      `${JSON.stringify({ version: 1, gear, operation: 'words-back', input: { names: ['x'] } })}\n`,
    );
  }
  const journal = Journal.open(dir);
  journal.register(operation(host, 'back'));
  const recovered = await journal.recover({
    exclusively: async (gear, work) => (gear === 'a' ? undefined : work()),
  });
  t.same(
    recovered.map(({ gear }) => gear),
    ['b'],
  );
  t.same(readdirSync(dir), ['a.words-back.1.json']);
});

t.test('an undo that fails keeps the entry and says so', async (t) => {
  const dir = t.testdir({});
  const definition: OperationDefinition<null, object> = {
    name: 'stubborn',
    recover: 'back',
    open: () => ({}),
    steps: [
      {
        name: 's',
        run: () => {
          throw new Error('first');
        },
        undo: () => {
          throw new Error('second');
        },
      },
    ],
  };
  await t.rejects(Journal.open(dir).run(definition, 'gear1', null), { message: /first.*second.*recover/ });
  t.equal(readdirSync(dir).length, 1);
});

t.test('file names', async (t) => {
  t.match(parseEntryName('a-b.create.17.json'), { gear: 'a-b', operation: 'create', number: 17n });
  for (const name of ['x', '.hidden', 'a.b', 'a.create.json', '../a.create.1.json', 'a.create.1.json~'])
    t.equal(parseEntryName(name), undefined);
  t.same(parseEntry(''), { kind: 'torn' });
  t.equal(parseEntry('null\n').kind, 'corrupt');
});
