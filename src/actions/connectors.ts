/**
 * Connection hooks (`connector-execute`): named arguments, of which `--input-args` is itself a string of quoted words,
 * as the broker escapes them for a shell, or (for connections of type `ENV:`) a list that ends in a hash from gear to
 * text. A cartridge without that connector answers nothing and succeeds.
 */
import * as v from 'valibot';
import { OoError } from '../native/error.js';
import { executeConnector, unsubscribe } from '../operations/connector.js';
import { containerUuid, optionalText, requiredText } from './arguments.js';
import { inner, type InnerAction } from './inner-action.js';
import { splitWords } from './words.js';

const MOST_TEXT = 1 << 20;
const NO_ARGUMENTS = 'is neither a string of words nor a list of words and a hash';

const text = v.pipe(
  v.string(NO_ARGUMENTS),
  v.check((value) => Buffer.byteLength(value) <= MOST_TEXT, `is longer than ${MOST_TEXT} bytes`),
  v.check((value) => !value.includes('\0'), 'holds a NUL'),
);
const published = v.pipe(
  v.unknown(),
  v.check((value) => typeof value === 'object' && value !== null && !Array.isArray(value), NO_ARGUMENTS),
  v.record(v.string(), text, NO_ARGUMENTS),
);

/** Words, and from gear to text what was published, where it is told apart. */
interface Given {
  readonly args: readonly string[];
  readonly publications?: Readonly<Record<string, string>>;
}

const words = v.pipe(
  text,
  v.transform((value): Given => ({ args: splitWords(value) })),
);
const list = v.pipe(
  v.tuple([text, text, text, published], NO_ARGUMENTS),
  v.transform(([name, namespace, uuid, publications]): Given => ({
    args: [name, namespace, uuid],
    publications,
  })),
);

const connectorExecute = inner(
  v.object({
    '--gear-uuid': optionalText,
    '--with-container-uuid': optionalText,
    '--cart-name': requiredText,
    '--hook-name': requiredText,
    '--input-args': v.nullish(v.unknown()),
    '--connection-type': optionalText,
    '--publishing-cart-name': optionalText,
  }),
  async (node, args) => {
    const named = args['--gear-uuid'] ?? args['--with-container-uuid'];
    if (named === undefined) throw refused('--gear-uuid is required');
    return executeConnector(node, {
      uuid: named,
      cartridge: args['--cart-name'],
      hook: args['--hook-name'],
      type: args['--connection-type'],
      publisher: args['--publishing-cart-name'],
      ...inputArguments(args['--input-args'] ?? ''),
    });
  },
);

function inputArguments(value: unknown): Given {
  const result = v.safeParse(Array.isArray(value) ? list : words, value);
  if (result.success) return result.output;
  throw refused(`--input-args ${result.issues[0].message}`);
}

function refused(why: string): OoError {
  return new OoError(`${why}. Action connector-execute was not done.`, {
    code: 'ERR_BAD_ARGUMENTS',
    exitCode: 255,
  });
}

const endSubscription = inner(
  v.object({ ...containerUuid, '--cart-name': requiredText, '--publishing-cart-name': requiredText }),
  (node, args) =>
    unsubscribe(node, {
      uuid: args['--with-container-uuid'],
      cartridge: args['--cart-name'],
      publisher: args['--publishing-cart-name'],
    }),
);

export const connectors: ReadonlyMap<string, InnerAction> = new Map([
  ['connector-execute', connectorExecute],
  ['unsubscribe', endSubscription],
]);
