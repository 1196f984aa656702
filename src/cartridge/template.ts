/**
 * Templates of cartridges (the part of ERB that they use): text with `<%= expression %>` and `<% if … %>`, `elsif`,
 * `else`, `unless`, `….each do |x|`, `end`, `name = expression`. Evaluated in this process, without Ruby. Invariant:
 * it always ends: steps and output are bounded, and a template it does not understand is an error, never a guess.
 */
import { parseExpression, type Expression } from './template-expression.js';
import { TemplateError, type Scope, type Value } from './template-scope.js';
import { text, truthy } from './template-value.js';

export { TemplateError } from './template-scope.js';

const MAX_STEPS = 100_000;
const MAX_OUTPUT = 1_048_576;

type Write = (part: string) => void;
type Node = (scope: Scope, write: Write) => void;

interface Open {
  readonly keyword: string;
  readonly nodes: Node[];
  /** Makes the finished block out of its body, and of what follows `else`. */
  readonly close: (body: readonly Node[], otherwise: readonly Node[]) => Node;
  /** For `else`: the body that is already complete. */
  readonly body?: readonly Node[];
  /** An `elsif` opens an `if` inside an `else`: one `end` closes both. */
  readonly nested?: boolean;
}

const run = (nodes: readonly Node[], scope: Scope, write: Write): void => {
  for (const node of nodes) node(scope, write);
};

function branch(condition: Expression, wanted: boolean): Open['close'] {
  return (body, otherwise) => (scope, write) => {
    scope.step();
    run(truthy(condition(scope)) === wanted ? body : otherwise, scope, write);
  };
}

function loop(list: Expression, name: string): Open['close'] {
  return (body) => (scope, write) => {
    const values = list(scope);
    if (!Array.isArray(values)) throw new TemplateError('each needs a list');
    for (const value of values as readonly Value[]) {
      scope.step();
      scope.names.set(name, value);
      run(body, scope, write);
    }
  };
}

class Builder {
  readonly #stack: Open[] = [
    { keyword: '', nodes: [], close: (body) => (scope, write) => run(body, scope, write) },
  ];

  get #top(): Open {
    const top = this.#stack.at(-1);
    if (top === undefined) throw new TemplateError('end without a beginning');
    return top;
  }

  add(node: Node): void {
    this.#top.nodes.push(node);
  }

  #open(keyword: string, close: Open['close'], nested = false): void {
    this.#stack.push({ keyword, nodes: [], close, nested });
  }

  #close(): void {
    const block = this.#stack.pop();
    if (block === undefined || block.keyword === '') throw new TemplateError('end without a beginning');
    this.add(block.close(block.body ?? block.nodes, block.body === undefined ? [] : block.nodes));
    if (block.nested === true) this.#close();
  }

  #otherwise(): void {
    const block = this.#stack.pop();
    if (block === undefined || !['if', 'unless'].includes(block.keyword) || block.body !== undefined)
      throw new TemplateError('else without if');
    this.#stack.push({ ...block, nodes: [], body: block.nodes });
  }

  statement(code: string): void {
    const source = code.trim().replace(/\bthen$/, '');
    if (source === '' || source.startsWith('#')) return;
    const condition = /^(if|unless|elsif)\b(.*)$/s.exec(source);
    const each = /^(.*)\.each\s+do\s*\|\s*([A-Za-z_]\w*)\s*\|$/s.exec(source);
    const assignment = /^([a-z_]\w*)\s*=(?![=~])(.*)$/s.exec(source);
    if (condition !== null) {
      const [, keyword = '', expression = ''] = condition;
      if (keyword === 'elsif') this.#otherwise();
      this.#open('if', branch(parseExpression(expression), keyword !== 'unless'), keyword === 'elsif');
    } else if (source === 'else') this.#otherwise();
    else if (source === 'end') this.#close();
    else if (each !== null) this.#open('each', loop(parseExpression(each[1] ?? ''), each[2] ?? ''));
    else if (assignment !== null) {
      const [, name = '', expression = ''] = assignment;
      const value = parseExpression(expression);
      this.add((scope) => void scope.names.set(name, value(scope)));
    } else {
      const expression = parseExpression(source);
      this.add((scope) => void expression(scope));
    }
  }

  finish(): Node {
    const [root] = this.#stack;
    if (this.#stack.length !== 1 || root === undefined) throw new TemplateError('end is missing');
    return root.close(root.nodes, []);
  }
}

const tag = /<%%|%%>|<%(=|#|-)?((?:(?!%>)[\s\S])*?)(-)?%>(\n)?/g;

function build(source: string): Node {
  const builder = new Builder();
  const literal = (part: string): void => {
    if (part !== '') builder.add((_, write) => write(part));
  };
  let from = 0;
  for (const match of source.matchAll(tag)) {
    literal(source.slice(from, match.index));
    from = match.index + match[0].length;
    const [whole, kind, code = '', trim, newline = ''] = match;
    if (whole === '<%%' || whole === '%%>') {
      literal(whole === '<%%' ? '<%' : '%>');
      continue;
    }
    if (kind === '=') {
      const expression = parseExpression(code);
      builder.add((scope, write) => write(text(expression(scope))));
    } else if (kind !== '#') builder.statement(code);
    if (trim === undefined) literal(newline);
  }
  const rest = source.slice(from);
  if (rest.includes('<%')) throw new TemplateError('a tag is not closed');
  literal(rest);
  return builder.finish();
}

export interface TemplateContext {
  readonly env: Readonly<Record<string, string>>;
  readonly exists?: (path: string) => 'file' | 'directory' | undefined;
  /** Is the template as the node installed it? Only then it may hold patterns. */
  readonly trusted: boolean;
}

/** The text of the template with its tags replaced; `TemplateError` says what was not understood. */
export function renderTemplate(source: string, context: TemplateContext): string {
  try {
    return render(source, context);
  } catch (error) {
    // A bad pattern, or nesting without end: as little understood as anything else.
    if (error instanceof SyntaxError || error instanceof RangeError) throw new TemplateError(error.message);
    throw error;
  }
}

function render(source: string, context: TemplateContext): string {
  if (source.length > MAX_OUTPUT) throw new TemplateError('the template is too long');
  let steps = 0;
  const scope: Scope = {
    env: context.env,
    exists: context.exists ?? (() => undefined),
    names: new Map(),
    patterns: context.trusted,
    step: () => {
      steps += 1;
      if (steps > MAX_STEPS) throw new TemplateError('the template takes too many steps');
    },
  };
  const parts: string[] = [];
  let length = 0;
  build(source)(scope, (part) => {
    length += part.length;
    if (length > MAX_OUTPUT) throw new TemplateError('the output is too long');
    parts.push(part);
  });
  return parts.join('');
}
