/**
 * Values of template expressions and what can be done with them, as Ruby would: whole numbers stay whole, floats print
 * with a point, `nil` prints as nothing. Invariant: a method that is not listed here does not exist.
 */
import { Float, TemplateError, type Scope, type Value } from './template-scope.js';

const MAX_TEXT = 1_048_576;

export function truthy(value: Value): boolean {
  return value !== null && value !== false;
}

export function text(value: Value): string {
  if (value === null) return '';
  if (value instanceof Float)
    return Number.isInteger(value.value) ? value.value.toFixed(1) : String(value.value);
  if (Array.isArray(value)) return `[${value.map((item: Value) => text(item)).join(', ')}]`;
  if (typeof value === 'object') throw new TemplateError('this value cannot be written');
  return String(value);
}

export function equal(a: Value, b: Value): boolean {
  const plain = (value: Value): Value => (value instanceof Float ? value.value : value);
  return plain(a) === plain(b);
}

function numbers(a: Value, b: Value): readonly [number, number, boolean] {
  const plain = (value: Value): number => {
    if (typeof value === 'number') return value;
    if (value instanceof Float) return value.value;
    throw new TemplateError(`${value === null ? 'nil' : JSON.stringify(value)} is not a number`);
  };
  return [plain(a), plain(b), a instanceof Float || b instanceof Float];
}

export function arithmetic(sign: string, a: Value, b: Value): Value {
  const [left, right, float] = numbers(a, b);
  if (!float && right === 0 && (sign === '/' || sign === '%')) throw new TemplateError('divided by 0');
  const whole = (value: number): Value => (float ? new Float(value) : value);
  if (sign === '-') return whole(left - right);
  if (sign === '*') return whole(left * right);
  if (sign === '%') return whole(left - right * Math.floor(left / right));
  return float ? new Float(left / right) : Math.floor(left / right);
}

export function plus(a: Value, b: Value): Value {
  if (typeof a === 'string') {
    if (typeof b !== 'string')
      throw new TemplateError(`no implicit conversion of ${b === null ? 'nil' : 'a number'} into text`);
    if (a.length + b.length > MAX_TEXT) throw new TemplateError('a text is too long');
    return a + b;
  }
  const [left, right, float] = numbers(a, b);
  return float ? new Float(left + right) : left + right;
}

export function compare(sign: string, a: Value, b: Value): boolean {
  const both = typeof a === 'string' && typeof b === 'string';
  const [left, right] = both ? [a, b] : numbers(a, b);
  if (sign === '<') return left < right;
  if (sign === '>') return left > right;
  return sign === '<=' ? left <= right : left >= right;
}

function string(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw new TemplateError('text is expected');
}

function ofEnvironment(scope: Scope, method: string, args: readonly Value[]): Value {
  const name = string(args[0]);
  const value = Object.hasOwn(scope.env, name) ? (scope.env[name] ?? null) : null;
  if (method === '[]') return value;
  if (['key?', 'has_key?', 'include?'].includes(method)) return value !== null;
  if (method === 'fetch') {
    if (value === null && args[1] === undefined) throw new TemplateError(`key not found: ${name}`);
    return value ?? args[1] ?? null;
  }
  throw new TemplateError(`ENV has no ${method}`);
}

function ofFile(scope: Scope, method: string, args: readonly Value[]): Value {
  if (method === 'join') return args.map(string).join('/').replace(/\/+/g, '/');
  const path = string(args[0]);
  if (method === 'exist?' || method === 'exists?') return scope.exists(path) !== undefined;
  if (method === 'file?') return scope.exists(path) === 'file';
  if (method === 'directory?') return scope.exists(path) === 'directory';
  const parts = path.replace(/\/+$/, '').split('/');
  if (method === 'basename') return parts.at(-1) ?? '';
  if (method === 'dirname') return parts.slice(0, -1).join('/') || (path.startsWith('/') ? '/' : '.');
  throw new TemplateError(`File has no ${method}`);
}

type Method<T> = (value: T, args: readonly Value[]) => Value;

const ofText: Readonly<Record<string, Method<string>>> = {
  to_s: (value) => value,
  to_i: (value) => Number.parseInt(/^\s*[-+]?\d[\d_]*/.exec(value)?.[0].replaceAll('_', '') ?? '0', 10),
  to_f: (value) => new Float(Number.parseFloat(value) || 0),
  downcase: (value) => value.toLowerCase(),
  upcase: (value) => value.toUpperCase(),
  capitalize: (value) => value.charAt(0).toUpperCase() + value.slice(1).toLowerCase(),
  strip: (value) => value.trim(),
  chomp: (value, [tail]) =>
    value.endsWith(string(tail ?? '\n')) ? value.slice(0, -string(tail ?? '\n').length) : value,
  split: (value, [by]) =>
    by === undefined || by === ' ' ? value.trim().split(/\s+/) : value.split(string(by)).slice(0, 10_000),
  length: (value) => value.length,
  size: (value) => value.length,
  'empty?': (value) => value === '',
  'nil?': () => false,
  'include?': (value, [part]) => value.includes(string(part)),
  'start_with?': (value, parts) => parts.some((part) => value.startsWith(string(part))),
  'end_with?': (value, parts) => parts.some((part) => value.endsWith(string(part))),
  gsub: (value, [from, to]) => replaced(value, from, to, true),
  sub: (value, [from, to]) => replaced(value, from, to, false),
  '[]': (value, [index]) => (typeof index === 'number' ? (value.at(index) ?? null) : null),
};

function replaced(value: string, from: Value | undefined, to: Value | undefined, all: boolean): string {
  const by = string(to);
  const pattern =
    from instanceof RegExp ? new RegExp(from.source, all ? `${from.flags}g` : from.flags) : string(from);
  const result = all ? value.replaceAll(pattern, () => by) : value.replace(pattern, () => by);
  if (result.length > MAX_TEXT) throw new TemplateError('a text is too long');
  return result;
}

const ofNumber: Readonly<Record<string, (value: number) => Value>> = {
  to_i: (value) => Math.trunc(value),
  to_f: (value) => new Float(value),
  floor: (value) => Math.floor(value),
  ceil: (value) => Math.ceil(value),
  round: (value) => Math.round(value),
  abs: (value) => Math.abs(value),
  'nil?': () => false,
};

const ofList: Readonly<Record<string, Method<readonly Value[]>>> = {
  '[]': (value, [index]) => (typeof index === 'number' ? (value.at(index) ?? null) : null),
  first: (value) => value[0] ?? null,
  last: (value) => value.at(-1) ?? null,
  length: (value) => value.length,
  size: (value) => value.length,
  join: (value, [by]) => value.map(text).join(by === undefined ? '' : string(by)),
  'empty?': (value) => value.length === 0,
  'include?': (value, [item]) => value.some((each) => item !== undefined && equal(each, item)),
  'nil?': () => false,
};

export function callMethod(scope: Scope, target: Value, method: string, args: readonly Value[]): Value {
  scope.step();
  const unknown = (what: string): TemplateError => new TemplateError(`${what} has no ${method}`);
  const find = <T>(table: Readonly<Record<string, T>>): T | undefined =>
    Object.hasOwn(table, method) ? table[method] : undefined;
  if (target === null) {
    if (method === 'to_s') return '';
    if (method === 'to_i') return 0;
    if (method === 'to_f') return new Float(0);
    if (method === 'nil?') return true;
    throw unknown('nil');
  }
  if (typeof target === 'string') {
    const found = find(ofText);
    if (found === undefined) throw unknown('text');
    return found(target, args);
  }
  if (typeof target === 'number' || target instanceof Float) {
    if (method === 'to_s') return text(target);
    const found = find(ofNumber);
    if (found === undefined) throw unknown('a number');
    return found(target instanceof Float ? target.value : target);
  }
  if (Array.isArray(target)) {
    const found = find(ofList);
    if (found === undefined) throw unknown('a list');
    return found(target as readonly Value[], args);
  }
  if (typeof target === 'object' && 'object' in target)
    return target.object === 'ENV' ? ofEnvironment(scope, method, args) : ofFile(scope, method, args);
  if (method === 'to_s') return text(target);
  if (method === 'nil?') return false;
  throw unknown('this value');
}
