import t from 'tap';
import fc from 'fast-check';
import { prettyInspect, RubyHash, RubySymbol, type RubyValue } from '../../src/actions/ruby-inspect.js';
import { tabbed } from '../../src/actions/request-log.js';
import { parseRuby } from '../seed/ruby-parse.js';
import { exchanges, scaledExchanges, seedText, simplePart } from '../seed/seed-text.js';

t.test('every request of the simple application prints as it stands in the seed', async (t) => {
  const all = exchanges(simplePart(seedText()));
  t.equal(all.length, 5);
  for (const { dump } of all) t.equal(tabbed(prettyInspect(parseRuby(dump))), dump);
});

t.test('so does every request of the scaled application', async (t) => {
  const all = scaledExchanges(seedText());
  t.equal(all.length, 27);
  for (const { dump } of all) t.equal(tabbed(prettyInspect(parseRuby(dump))), dump);
});

const scalar: fc.Arbitrary<RubyValue> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 90 }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.string({ maxLength: 12 }).map((name) => new RubySymbol(name)),
);
const { value: anything } = fc.letrec<{ value: RubyValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(
        fc.tuple(
          fc.oneof(
            fc.string(),
            fc.string().map((name) => new RubySymbol(name)),
          ),
          tie('value'),
        ),
        {
          maxLength: 5,
        },
      )
      .map((entries) => new RubyHash(entries)),
  ),
}));

t.test('whatever is printed parses back to the same value, in any width', async () => {
  fc.assert(
    fc.property(anything, fc.integer({ min: 1, max: 120 }), (value, width) => {
      return JSON.stringify(parseRuby(prettyInspect(value, width))) === JSON.stringify(value);
    }),
    { numRuns: 2000 },
  );
});

t.test(
  'no control character, escape sequence or direction mark comes out of a string as itself',
  async () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => !/[\p{C}]/u.test(prettyInspect(value))),
      { numRuns: 2000 },
    );
  },
);
