/**
 * The arguments of actions: the names brokers use, as one valibot entry each, and what they become. An empty string is
 * an absent argument, as brokers send it for uid and quotas. Invariant: behind a schema there are plain values; whether
 * a uuid or a name is well formed is decided once, by the parsers of src/gear/identity.ts in the operation.
 */
import * as v from 'valibot';
import { OoError } from '../native/error.js';

const printable = v.check((text: string) => !text.includes('\0'), 'holds a NUL');
const word = v.pipe(v.string('is no text'), v.maxLength(255, 'is longer than 255 characters'), printable);
const long = v.pipe(
  v.string('is no text'),
  v.maxLength(65_536, 'is longer than 65536 characters'),
  printable,
);
const textOrNumber = v.union(
  [word, v.pipe(v.number(), v.safeInteger(), v.transform(String))],
  'is no text and no number',
);
const absent = v.transform((text: string | undefined | null) =>
  text === '' || text === null ? undefined : text,
);

/** A text that may be missing or empty. */
export const optionalText = v.pipe(v.nullish(word), absent);
/** A number, or its digits, that may be missing or empty; checked by whoever takes it. */
export const optionalNumber = v.pipe(v.nullish(textOrNumber), absent);
/** A text that must be there; what it may hold is the operation's to say. */
export const requiredText = word;
/** As `requiredText`, for keys, tokens and values. */
export const requiredLongText = long;
export const optionalLongText = v.pipe(v.nullish(long), absent);
/** True, "true", "yes", 1: brokers disagree. */
export const flag = v.pipe(
  v.nullish(v.union([v.boolean(), v.string(), v.number()])),
  v.transform(
    (value) =>
      value === true || value === 1 || (typeof value === 'string' && /^(true|t|yes|y|1)$/i.test(value)),
  ),
);

/** The gear an action is about. */
export const containerUuid = { '--with-container-uuid': requiredText };

/** Parses with the schema or says which argument is wrong, in one sentence. */
export function parseArguments<S extends v.GenericSchema>(
  schema: S,
  args: unknown,
  action: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, args);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const name = v.getDotPath(issue);
  const missing = issue.received === 'undefined' || issue.received === 'null';
  const what =
    name === null
      ? 'The arguments are not valid'
      : missing
        ? `${name} is required`
        : `${name} ${issue.message}`;
  throw new OoError(`${what}. Action ${action} was not done.`, {
    code: 'ERR_BAD_ARGUMENTS',
    exitCode: 255,
    cause: issue,
  });
}
