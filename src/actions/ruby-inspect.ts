/**
 * Prints values the way Ruby's `pretty_inspect` does: the log's request dump has that layout, and those who read or
 * grep such logs know it. A small pretty printer of documents (text, break, group); a group that does not fit its
 * line breaks at all of its breaks, outermost groups first. Invariant: what is printed parses back to the same value.
 */

/** A Ruby symbol (`:args`). Strings are plain strings, hashes are arrays of pairs so that order and key kinds are kept. */
export class RubySymbol {
  constructor(readonly name: string) {}
}

/** `#<Class:0x... @a=1, @b=2>` */
export class RubyObject {
  constructor(
    readonly className: string,
    readonly address: string,
    readonly variables: readonly (readonly [string, RubyValue])[],
  ) {}
}

export class RubyHash {
  constructor(readonly entries: readonly (readonly [RubySymbol | string, RubyValue])[]) {}
}

export type RubyValue =
  null | boolean | number | string | RubySymbol | RubyHash | RubyObject | readonly RubyValue[];

type Doc =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'break'; readonly flat: string }
  | { readonly kind: 'group'; readonly indent: number; readonly parts: readonly Doc[] };

const WIDTH = 79;
const COMMA: readonly Doc[] = [text(','), { kind: 'break', flat: ' ' }];
const EMPTY_BREAK: Doc = { kind: 'break', flat: '' };

/** The text of `value.pretty_inspect`, without the newline at its end. */
export function prettyInspect(value: RubyValue, width = WIDTH): string {
  return render(documentOf(value), width);
}

/** The text of `value.inspect` for a string: double quotes, Ruby's escapes, printable Unicode as it is. */
export function inspectString(value: string): string {
  let out = '"';
  for (const character of value) out += escapes.get(character) ?? escapeCodePoint(character);
  return out.replace(/#(?=[{$@])/g, '\\#') + '"';
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\t', '\\t'],
  ['\r', '\\r'],
  ['\f', '\\f'],
  ['\v', '\\v'],
  ['\b', '\\b'],
  ['\x07', '\\a'],
  ['\x1b', '\\e'],
]);

function escapeCodePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
  if (code < 0x7f) return character;
  if (/\p{C}|\p{Zl}|\p{Zp}/u.test(character)) {
    const hex = code.toString(16).toUpperCase();
    return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
  }
  return character;
}

function text(value: string): Doc {
  return { kind: 'text', text: value };
}

function group(indent: number, parts: readonly Doc[]): Doc {
  return { kind: 'group', indent, parts };
}

function documentOf(value: RubyValue): Doc {
  if (value === null) return text('nil');
  if (typeof value === 'string') return text(inspectString(value));
  if (typeof value === 'boolean' || typeof value === 'number') return text(String(value));
  if (value instanceof RubySymbol) return text(inspectSymbol(value.name));
  if (value instanceof RubyHash) return hashDocument(value);
  if (value instanceof RubyObject) return objectDocument(value);
  const items = value.flatMap((item, index) => [...(index === 0 ? [] : COMMA), documentOf(item)]);
  return group(1, [text('['), ...items, text(']')]);
}

function hashDocument(hash: RubyHash): Doc {
  const parts = hash.entries.flatMap(([key, value], index) => [
    ...(index === 0 ? [] : COMMA),
    group(0, [documentOf(key), text('=>'), group(1, [EMPTY_BREAK, documentOf(value)])]),
  ]);
  return group(1, [text('{'), ...parts, text('}')]);
}

function objectDocument(object: RubyObject): Doc {
  const parts = object.variables.flatMap(([name, value], index) => [
    ...(index === 0 ? [] : [text(',')]),
    { kind: 'break', flat: ' ' } as const,
    text(`${name}=`),
    group(1, [EMPTY_BREAK, documentOf(value)]),
  ]);
  return group(1, [text(`#<${object.className}:${object.address}`), ...parts, text('>')]);
}

function inspectSymbol(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*[?!=]?$/.test(name) ? `:${name}` : `:${inspectString(name)}`;
}

interface Pending {
  readonly doc: Doc;
  readonly indent: number;
  readonly broken: boolean;
  readonly next: Pending | undefined;
}

function render(doc: Doc, width: number): string {
  let out = '';
  let column = 0;
  let pending: Pending | undefined = { doc, indent: 0, broken: true, next: undefined };
  while (pending !== undefined) {
    const { doc: current, indent, broken, next }: Pending = pending;
    if (current.kind === 'text') {
      out += current.text;
      column += current.text.length;
      pending = next;
    } else if (current.kind === 'break') {
      out += broken ? `\n${' '.repeat(indent)}` : current.flat;
      column = broken ? indent : column + current.flat.length;
      pending = next;
    } else {
      const inner = indent + current.indent;
      const flat = !broken || fits(push(current.parts, inner, false, next), width - column);
      pending = push(current.parts, inner, !flat, next);
    }
  }
  return out;
}

function push(
  parts: readonly Doc[],
  indent: number,
  broken: boolean,
  next: Pending | undefined,
): Pending | undefined {
  return parts.reduceRight<Pending | undefined>((rest, doc) => ({ doc, indent, broken, next: rest }), next);
}

/** Whether what follows, up to the first break of a group that is already broken, fits into `room` columns. */
function fits(pending: Pending | undefined, room: number): boolean {
  let left = room;
  for (let at = pending; at !== undefined;) {
    const { doc, indent, broken, next }: Pending = at;
    if (doc.kind === 'group') {
      at = push(doc.parts, indent + doc.indent, false, next);
      continue;
    }
    if (doc.kind === 'break' && broken) return true;
    left -= doc.kind === 'text' ? doc.text.length : doc.flat.length;
    if (left < 0) return false;
    at = next;
  }
  return true;
}
