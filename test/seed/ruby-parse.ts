/**
 * Reads Ruby's inspect text back into values: hashes, arrays, strings, symbols, numbers, true, false, nil and
 * `#<Class:0x... @a=...>`. The seed's requests are taken out of the seed's own text with it, and it is the counterpart
 * that the printer of src/actions is tested against. Invariant: it reads all of its text or throws where it stopped.
 */
import { RubyHash, RubyObject, RubySymbol, type RubyValue } from '../../src/actions/ruby-inspect.js';

const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['f', '\f'],
  ['v', '\v'],
  ['b', '\b'],
  ['a', '\x07'],
  ['e', '\x1b'],
]);

export function parseRuby(text: string): RubyValue {
  const reader = new Reader(text);
  const value = reader.value();
  reader.blanks();
  if (!reader.atEnd()) throw reader.error('more text than one value');
  return value;
}

class Reader {
  #at = 0;
  constructor(readonly text: string) {}

  atEnd(): boolean {
    return this.#at >= this.text.length;
  }

  error(what: string): Error {
    return new Error(`${what} at ${this.#at}: ${JSON.stringify(this.text.slice(this.#at, this.#at + 40))}`);
  }

  blanks(): void {
    this.match(/\s*/y);
  }

  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text) ?? undefined;
    if (found !== undefined) this.#at += found[0].length;
    return found;
  }

  take(token: string): boolean {
    if (!this.text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  value(): RubyValue {
    this.blanks();
    if (this.take('{')) return new RubyHash(this.list('}', () => this.pair()));
    if (this.take('[')) return this.list(']', () => this.value());
    if (this.take('"')) return this.string();
    const object = this.match(/#<([A-Za-z_:]+):(0x[0-9a-f]+)/y);
    if (object !== undefined) return this.object(object[1] ?? '', object[2] ?? '');
    if (this.take(':"')) return new RubySymbol(this.string());
    const symbol = this.match(/:([A-Za-z_]\w*[?!=]?)(?!:)/y);
    if (symbol !== undefined) {
      const name = symbol[1] ?? '';
      // `:a=>1`: the equals sign is the arrow's.
      if (name.endsWith('=') && this.text[this.#at] === '>') {
        this.#at -= 1;
        return new RubySymbol(name.slice(0, -1));
      }
      return new RubySymbol(name);
    }
    const word = this.match(/nil|true|false|-?\d+(\.\d+)?(e[+-]?\d+)?/y)?.[0];
    if (word === undefined) throw this.error('no value');
    return word === 'nil' ? null : word === 'true' ? true : word === 'false' ? false : Number(word);
  }

  list<T>(end: string, item: () => T): T[] {
    const items: T[] = [];
    this.blanks();
    while (!this.take(end)) {
      items.push(item());
      this.blanks();
      if (!this.take(',') && !this.text.startsWith(end, this.#at)) throw this.error(`no comma and no ${end}`);
      this.blanks();
    }
    return items;
  }

  pair(): [RubySymbol | string, RubyValue] {
    const key = this.value();
    if (typeof key !== 'string' && !(key instanceof RubySymbol)) throw this.error('a key that is no name');
    this.blanks();
    if (!this.take('=>')) throw this.error('no arrow');
    return [key, this.value()];
  }

  object(className: string, address: string): RubyObject {
    const variables = this.list('>', (): [string, RubyValue] => {
      const name = this.match(/@\w+(?==)/y)?.[0];
      if (name === undefined || !this.take('=')) throw this.error('no instance variable');
      return [name, this.value()];
    });
    return new RubyObject(className, address, variables);
  }

  string(): string {
    let out = '';
    for (;;) {
      out += this.match(/[^"\\]*/y)?.[0] ?? '';
      if (this.take('"')) return out;
      if (!this.take('\\')) throw this.error('a string without end');
      const code = this.match(/x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]+)\}/y);
      if (code !== undefined) {
        out += String.fromCodePoint(parseInt(code[1] ?? code[2] ?? code[3] ?? '', 16));
        continue;
      }
      const character = this.match(/[\s\S]/y)?.[0];
      if (character === undefined) throw this.error('a string without end');
      out += simpleEscapes.get(character) ?? character;
    }
  }
}
