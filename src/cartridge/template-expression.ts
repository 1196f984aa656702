/**
 * The expressions that templates of cartridges use, a small part of Ruby: `ENV['X']`, text with `#{…}`, `||`, `&&`,
 * `? :`, comparison, `=~`, arithmetic with whole numbers and floats, a fixed list of methods. Parsed into functions of
 * a scope. Invariant: evaluation touches nothing but the scope it is given, and every step is counted by it.
 */
import { Float, TemplateError, type Scope, type Value } from './template-scope.js';
import { arithmetic, callMethod, compare, equal, plus, text, truthy } from './template-value.js';

export type Expression = (scope: Scope) => Value;

interface Token {
  readonly kind: 'number' | 'text' | 'pattern' | 'name' | 'sign' | 'end';
  readonly text: string;
  readonly expression?: Expression;
}

const signs = [
  '||',
  '&&',
  '==',
  '!=',
  '=~',
  '!~',
  '<=',
  '>=',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '?',
  ':',
  '!',
  '.',
  ',',
  '(',
  ')',
  '[',
  ']',
  '=',
  '|',
];

function escape(character: string): string {
  return { n: '\n', t: '\t', r: '\r', '0': '\0', s: ' ', e: '\x1b' }[character] ?? character;
}

/** From an opening quote; returns where it ends. */
function quoted(source: string, start: number): readonly [Expression, number] {
  const quote = source[start];
  const parts: Expression[] = [];
  let plain = '';
  let at = start + 1;
  const flush = (): void => {
    const constant = plain;
    if (constant !== '') parts.push(() => constant);
    plain = '';
  };
  for (; source[at] !== quote; at += 1) {
    const character = source[at];
    if (character === undefined) throw new TemplateError('a quote is not closed');
    if (character === '\\') {
      at += 1;
      const next = source[at] ?? '';
      plain += quote === '"' ? escape(next) : next === "'" || next === '\\' ? next : `\\${next}`;
    } else if (quote === '"' && character === '#' && source[at + 1] === '{') {
      const close = closing(source, at + 2);
      flush();
      const inner = parseExpression(source.slice(at + 2, close));
      parts.push((scope) => text(inner(scope)));
      at = close;
    } else plain += character;
  }
  flush();
  return [(scope) => parts.map((part) => text(part(scope))).join(''), at + 1];
}

function closing(source: string, start: number): number {
  let depth = 1;
  for (let at = start; at < source.length; at += 1) {
    if (source[at] === '{') depth += 1;
    if (source[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  throw new TemplateError('an interpolation is not closed');
}

function pattern(source: string, start: number): readonly [Token, number] {
  let at = start + 1;
  for (; source[at] !== '/'; at += 1) {
    if (source[at] === undefined) throw new TemplateError('a pattern is not closed');
    if (source[at] === '\\') at += 1;
  }
  const body = source
    .slice(start + 1, at)
    .replaceAll('\\A', '^')
    .replace(/\\[zZ]/g, '$');
  const flags = /^[imx]*/.exec(source.slice(at + 1))?.[0] ?? '';
  const expression: Expression = (scope) => {
    if (!scope.patterns) throw new TemplateError('a pattern is not allowed in a template that was changed');
    return new RegExp(body, flags.includes('i') ? 'im' : 'm');
  };
  return [{ kind: 'pattern', text: body, expression }, at + 1 + flags.length];
}

function tokens(source: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const rest = source.slice(at);
    const space = /^\s+/.exec(rest)?.[0];
    const number = /^\d[\d_]*(\.\d+)?/.exec(rest)?.[0];
    const name = /^[A-Za-z_]\w*[?!]?/.exec(rest)?.[0];
    const last = found.at(-1);
    const operandBefore =
      last !== undefined && (last.kind !== 'sign' || last.text === ')' || last.text === ']');
    if (space !== undefined) at += space.length;
    else if (number !== undefined) {
      found.push({ kind: 'number', text: number });
      at += number.length;
    } else if (name !== undefined) {
      // `a ?b` of a ternary without blanks: a name takes `?` only when a method follows a dot.
      const kept = /[?!]$/.test(name) && last?.text !== '.' ? name.slice(0, -1) : name;
      found.push({ kind: 'name', text: kept });
      at += kept.length;
    } else if (rest[0] === '"' || rest[0] === "'") {
      const [expression, end] = quoted(source, at);
      found.push({ kind: 'text', text: '', expression });
      at = end;
    } else if (rest[0] === '/' && !operandBefore) {
      const [token, end] = pattern(source, at);
      found.push(token);
      at = end;
    } else {
      const sign = signs.find((each) => rest.startsWith(each));
      if (sign === undefined) throw new TemplateError(`'${rest[0] ?? ''}' is not understood`);
      found.push({ kind: 'sign', text: sign });
      at += sign.length;
    }
  }
  return found;
}

const END: Token = { kind: 'end', text: '' };
const keywords = new Set(['and', 'or', 'not', 'do', 'if', 'unless', 'end']);

class Parser {
  #at = 0;
  constructor(private readonly list: readonly Token[]) {}

  peek(): Token {
    return this.list[this.#at] ?? END;
  }

  take(): Token {
    const token = this.peek();
    this.#at += 1;
    return token;
  }

  accept(...words: readonly string[]): string | undefined {
    const token = this.peek();
    if (token.kind !== 'sign' && token.kind !== 'name') return undefined;
    if (!words.includes(token.text)) return undefined;
    this.#at += 1;
    return token.text;
  }

  expect(sign: string): void {
    if (this.accept(sign) === undefined)
      throw new TemplateError(`'${sign}' is missing before '${this.peek().text}'`);
  }

  expression(): Expression {
    const condition = this.either();
    if (this.accept('?') === undefined) return condition;
    const yes = this.expression();
    this.expect(':');
    const no = this.expression();
    return (scope) => (truthy(condition(scope)) ? yes(scope) : no(scope));
  }

  either(): Expression {
    let left = this.both();
    while (this.accept('||', 'or') !== undefined) {
      const [first, second] = [left, this.both()];
      left = (scope) => {
        const value = first(scope);
        return truthy(value) ? value : second(scope);
      };
    }
    return left;
  }

  both(): Expression {
    let left = this.negation();
    while (this.accept('&&', 'and') !== undefined) {
      const [first, second] = [left, this.negation()];
      left = (scope) => {
        const value = first(scope);
        return truthy(value) ? second(scope) : value;
      };
    }
    return left;
  }

  negation(): Expression {
    if (this.accept('!', 'not') === undefined) return this.comparison();
    const inner = this.negation();
    return (scope) => !truthy(inner(scope));
  }

  comparison(): Expression {
    const left = this.sum();
    const sign = this.accept('==', '!=', '=~', '!~', '<=', '>=', '<', '>');
    if (sign === undefined) return left;
    const right = this.sum();
    return (scope) => {
      scope.step();
      const [a, b] = [left(scope), right(scope)];
      if (sign === '==') return equal(a, b);
      if (sign === '!=') return !equal(a, b);
      if (sign !== '=~' && sign !== '!~') return compare(sign, a, b);
      if (!(b instanceof RegExp)) throw new TemplateError(`the right side of ${sign} is not a pattern`);
      const place = typeof a === 'string' ? a.search(b) : -1;
      return sign === '!~' ? place < 0 : place < 0 ? null : place;
    };
  }

  sum(): Expression {
    return this.#chain(['+', '-'], () => this.product());
  }

  product(): Expression {
    return this.#chain(['*', '/', '%'], () => this.unary());
  }

  #chain(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    for (let sign = this.accept(...operators); sign !== undefined; sign = this.accept(...operators)) {
      const [first, second, chosen] = [left, operand(), sign];
      left = (scope) => {
        scope.step();
        const [a, b] = [first(scope), second(scope)];
        return chosen === '+' ? plus(a, b) : arithmetic(chosen, a, b);
      };
    }
    return left;
  }

  unary(): Expression {
    if (this.accept('-') === undefined) return this.postfix();
    const inner = this.unary();
    return (scope) => arithmetic('-', 0, inner(scope));
  }

  postfix(): Expression {
    let value = this.primary();
    for (;;) {
      if (this.accept('[') !== undefined) {
        const [list, index] = [value, this.expression()];
        this.expect(']');
        value = (scope) => callMethod(scope, list(scope), '[]', [index(scope)]);
      } else if (this.accept('.') !== undefined) {
        const method = this.take();
        if (method.kind !== 'name') throw new TemplateError('a method has no name');
        const args = this.accept('(') === undefined ? [] : this.arguments();
        const target = value;
        value = (scope) =>
          callMethod(
            scope,
            target(scope),
            method.text,
            args.map((arg) => arg(scope)),
          );
      } else return value;
    }
  }

  arguments(): Expression[] {
    const list: Expression[] = [];
    if (this.accept(')') !== undefined) return list;
    do list.push(this.expression());
    while (this.accept(',') !== undefined);
    this.expect(')');
    return list;
  }

  primary(): Expression {
    const token = this.take();
    if (token.expression !== undefined) return token.expression;
    if (token.kind === 'number') {
      const number = Number(token.text.replaceAll('_', ''));
      const value = token.text.includes('.') ? new Float(number) : number;
      return () => value;
    }
    if (token.kind === 'sign' && token.text === '(') {
      const inner = this.expression();
      this.expect(')');
      return inner;
    }
    if (token.kind === 'name' && !keywords.has(token.text)) return named(token.text);
    throw new TemplateError(`'${token.text}' is not expected here`);
  }
}

function named(name: string): Expression {
  if (name === 'nil') return () => null;
  if (name === 'true') return () => true;
  if (name === 'false') return () => false;
  if (name === 'ENV' || name === 'File') return () => ({ object: name });
  return (scope) => {
    const value = scope.names.get(name);
    if (value === undefined) throw new TemplateError(`${name} is not known`);
    return value;
  };
}

export function parseExpression(source: string): Expression {
  const parser = new Parser(tokens(source));
  const expression = parser.expression();
  const rest = parser.peek();
  if (rest.kind !== 'end') throw new TemplateError(`'${rest.text}' is not expected here`);
  return expression;
}
