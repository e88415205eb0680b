// Renders a parsed template as jinja2 does with the settings of transformers, within a budget.
// Statements and expressions; what operators, filters, tests and methods do to values is theirs.

import { argument, number } from './arguments.js';
import type { RenderBudget } from './budget.js';
import { applyFilter } from './filters.js';
import { methodOf } from './methods.js';
import type { CallNode, FilterCall, MemberNode, Node, Parameter, SliceNode, Target } from './nodes.js';
import { itemAt, operate, slice } from './operators.js';
import { passes } from './tests.js';
import { joined, textOf } from './value-text.js';
import {
  type Arguments,
  Callable,
  Dict,
  Float,
  itemsOf,
  List,
  Namespace,
  numeric,
  orUndefined,
  TemplateFailure,
  truth,
  typeName,
  Undefined,
  type Value,
} from './values.js';

class Scope {
  readonly #values = new Map<string, Value>();

  constructor(readonly outer: Scope | null) {}

  find(name: string): Value | undefined {
    for (let scope: Scope | null = this; scope !== null; scope = scope.outer) {
      const value = scope.#values.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}

class LoopControl extends Error {
  constructor(readonly ends: boolean) {
    super('a break or continue stands outside a loop');
  }
}

/** Renders a template. Throws what Python would raise, and `LimitReached` beyond the budget. */
export function renderNodes(
  nodes: readonly Node[],
  values: ReadonlyMap<string, Value>,
  budget: RenderBudget,
): string {
  const globals = new Scope(null);
  for (const [name, value] of values) globals.set(name, value);
  return new Interpreter(budget).block(nodes, new Scope(globals));
}

class Interpreter {
  readonly #budget: RenderBudget;

  constructor(budget: RenderBudget) {
    this.#budget = budget;
  }

  /** What the nodes print. */
  block(nodes: readonly Node[], scope: Scope): string {
    const out: string[] = [];
    this.#run(nodes, scope, out);
    return joined(out, '', this.#budget);
  }

  /** Prints into `out` as it goes: what stands before a break counts. */
  #run(nodes: readonly Node[], scope: Scope, out: string[]): void {
    for (const node of nodes) {
      if (node.type === 'If') {
        this.#run(truth(this.#value(node.test, scope)) ? node.body : node.alternate, scope, out);
      } else if (node.type === 'For') {
        this.#loop(node, scope, out);
      } else {
        const text = this.#statement(node, scope);
        if (text !== '') out.push(text);
      }
    }
  }

  #statement(node: Node, scope: Scope): string {
    this.#budget.spend();
    switch (node.type) {
      case 'Set': {
        const value = node.value === null ? this.block(node.body, scope) : this.#value(node.value, scope);
        this.#assign(node.assignee, value, scope);
        return '';
      }
      case 'Macro':
        scope.set(node.name.value, this.#macro(node.name.value, node.args, node.body, scope));
        return '';
      case 'CallStatement': {
        const caller = this.#macro('caller', node.callerArgs ?? [], node.body, scope);
        const { positional, named } = this.#arguments(node.call.args, scope);
        const args = { positional, named: new Map([...named, ['caller', caller] as const]) };
        return textOf(this.#call(this.#value(node.call.callee, scope), args), this.#budget);
      }
      case 'FilterStatement':
        return textOf(this.#filtered(this.block(node.body, scope), node.filter, scope), this.#budget);
      case 'Break':
      case 'Continue':
        throw new LoopControl(node.type === 'Break');
      case 'Comment':
        return '';
      default:
        return textOf(this.#value(node, scope), this.#budget);
    }
  }

  #loop(node: Node & { readonly type: 'For' }, scope: Scope, out: string[]): void {
    const { iterable } = node;
    const filtered = iterable.type === 'SelectExpression';
    const source = this.#value(filtered ? iterable.lhs : iterable, scope);
    let items = itemsOf(source, this.#budget);
    if (filtered) {
      items = items.filter((item) => {
        const inner = new Scope(scope);
        this.#assign(node.loopvar, item, inner);
        return truth(this.#value(iterable.test, inner));
      });
    }
    if (items.length === 0) this.#run(node.defaultBlock, scope, out);
    for (const [index, item] of items.entries()) {
      const inner = new Scope(scope);
      inner.set('loop', this.#loopState(items, index));
      this.#assign(node.loopvar, item, inner);
      try {
        this.#run(node.body, inner, out);
      } catch (error) {
        if (!(error instanceof LoopControl)) throw error;
        if (error.ends) break;
      }
    }
  }

  #loopState(items: readonly Value[], index: number): Namespace {
    const left = items.length - index;
    const loop = new Namespace();
    const state: Readonly<Record<string, Value>> = {
      index: index + 1,
      index0: index,
      revindex: left,
      revindex0: left - 1,
      first: index === 0,
      last: left === 1,
      length: items.length,
      previtem: orUndefined(items[index - 1], 'the item before the first'),
      nextitem: orUndefined(items[index + 1], 'the item after the last'),
      cycle: new Callable('cycle', ({ positional }) => positional[index % positional.length] ?? null),
    };
    for (const [name, value] of Object.entries(state)) loop.attributes.set(name, value);
    return loop;
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    if (target.type === 'Identifier') {
      scope.set(target.value, value);
    } else if (target.type === 'TupleLiteral') {
      const items = itemsOf(value, this.#budget);
      if (items.length !== target.value.length) {
        throw new TemplateFailure(`${items.length} values cannot be given to ${target.value.length} names`);
      }
      for (const [index, part] of target.value.entries()) this.#assign(part, items[index]!, scope);
    } else {
      const object = this.#value(target.object, scope);
      if (!(object instanceof Namespace)) {
        throw new TemplateFailure('only attributes of a namespace can be set');
      }
      object.attributes.set((target.property as { readonly value: string }).value, value);
    }
  }

  #macro(name: string, parameters: readonly Parameter[], body: readonly Node[], home: Scope): Callable {
    return new Callable(name, (args) =>
      this.#budget.nested(() => {
        const scope = new Scope(home);
        const named = new Map(args.named);
        for (const [index, parameter] of parameters.entries()) {
          const key = parameter.type === 'Identifier' ? parameter.value : parameter.key.value;
          let value = argument({ positional: args.positional, named }, index, key);
          named.delete(key);
          if (value === undefined && parameter.type !== 'Identifier')
            value = this.#value(parameter.value, scope);
          scope.set(key, orUndefined(value, key));
        }
        const caller = named.get('caller');
        if (caller !== undefined) scope.set('caller', caller);
        named.delete('caller');
        scope.set('varargs', new List(args.positional.slice(parameters.length), true));
        scope.set('kwargs', Dict.of(named));
        return this.block(body, scope);
      }),
    );
  }

  #value(node: Node, scope: Scope): Value {
    const budget = this.#budget;
    budget.spend();
    switch (node.type) {
      case 'Identifier':
        return orUndefined(scope.find(node.value), node.value);
      case 'IntegerLiteral':
      case 'StringLiteral':
        return node.value;
      case 'FloatLiteral':
        return new Float(node.value);
      case 'ArrayLiteral':
      case 'TupleLiteral':
        return new List(
          node.value.map((item) => this.#value(item, scope)),
          node.type === 'TupleLiteral',
        );
      case 'ObjectLiteral':
        return Dict.of(
          [...node.value].map(
            ([key, value]) => [this.#value(key, scope), this.#value(value, scope)] as const,
          ),
        );
      case 'MemberExpression':
        return this.#member(node, scope);
      case 'CallExpression':
        return this.#callExpression(node, scope);
      case 'BinaryExpression': {
        const left = this.#value(node.left, scope);
        const operator = node.operator.value;
        if (operator === 'and') return truth(left) ? this.#value(node.right, scope) : left;
        if (operator === 'or') return truth(left) ? left : this.#value(node.right, scope);
        return operate(operator, left, this.#value(node.right, scope), budget);
      }
      case 'UnaryExpression': {
        const argument = this.#value(node.argument, scope);
        if (node.operator.value === 'not') return !truth(argument);
        const given = numeric(argument);
        if (given === null) throw new TemplateFailure(`a ${typeName(argument)} has no sign`);
        return number(node.operator.value === '-' ? -given : given, !(argument instanceof Float));
      }
      case 'FilterExpression':
        return this.#filtered(this.#value(node.operand, scope), node.filter, scope);
      case 'TestExpression':
        return passes(node.test.value, this.#value(node.operand, scope), [], budget) !== node.negate;
      case 'SelectExpression':
        return truth(this.#value(node.test, scope)) ? this.#value(node.lhs, scope) : new Undefined('');
      case 'Ternary':
        return this.#value(truth(this.#value(node.condition, scope)) ? node.trueExpr : node.falseExpr, scope);
      default:
        throw new TemplateFailure(`${node.type} is not known here`);
    }
  }

  #member(node: MemberNode, scope: Scope): Value {
    const object = this.#value(node.object, scope);
    if (node.computed && node.property.type === 'SliceExpression') {
      return slice(object, this.#bounds(node.property, scope), this.#budget);
    }
    const key = node.computed
      ? this.#value(node.property, scope)
      : (node.property as { readonly value: string | number }).value;
    if (object instanceof Undefined) {
      throw new TemplateFailure(`'${object.name}' is undefined, and so has no '${String(key)}'`);
    }
    const method = typeof key === 'string' ? methodOf(object, key, this.#budget) : undefined;
    // A dot looks for a method first, brackets for an item.
    if (!node.computed && method !== undefined) return method;
    const item = this.#item(object, key);
    return item === undefined ? (method ?? new Undefined(String(key))) : item;
  }

  #item(object: Value, key: Value): Value | undefined {
    if (object instanceof Dict) return object.get(key);
    if (object instanceof Namespace) return object.attributes.get(String(key));
    const index = numeric(key);
    if ((typeof object === 'string' || object instanceof List) && index !== null) {
      return itemAt(object, index, this.#budget);
    }
    return undefined;
  }

  #bounds({ start, stop, step }: SliceNode, scope: Scope): [number | null, number | null, number | null] {
    const bound = (node: Node | undefined): number | null => {
      const value = node === undefined ? null : this.#value(node, scope);
      if (value === null || typeof value === 'number') return value;
      throw new TemplateFailure(`a slice takes whole numbers, not a ${typeName(value)}`);
    };
    return [bound(start), bound(stop), bound(step)];
  }

  #callExpression({ callee, args }: CallNode, scope: Scope): Value {
    const called = this.#value(callee, scope);
    return this.#call(called, this.#arguments(args, scope));
  }

  #call(called: Value, args: Arguments): Value {
    if (called instanceof Callable) return called.call(args);
    const what = called instanceof Undefined ? `'${called.name}' is undefined` : `a ${typeName(called)}`;
    throw new TemplateFailure(`${what} and cannot be called`);
  }

  #arguments(nodes: readonly Node[], scope: Scope): Arguments {
    const positional: Value[] = [];
    const named = new Map<string, Value>();
    for (const node of nodes) {
      if (node.type === 'KeywordArgumentExpression') {
        named.set(node.key.value, this.#value(node.value, scope));
      } else if (node.type === 'SpreadExpression') {
        positional.push(...itemsOf(this.#value(node.argument, scope), this.#budget));
      } else if (node.type === 'KeywordSpreadExpression') {
        const dict = this.#value(node.argument, scope);
        if (!(dict instanceof Dict)) throw new TemplateFailure(`a ${typeName(dict)} holds no arguments`);
        for (const [key, value] of dict.entries()) named.set(String(key), value);
      } else {
        positional.push(this.#value(node, scope));
      }
    }
    return { positional, named };
  }

  #filtered(operand: Value, filter: FilterCall, scope: Scope): Value {
    if (filter.type === 'Identifier') {
      return applyFilter(filter.value, operand, { positional: [], named: new Map() }, this.#budget);
    }
    const { value: name } = filter.callee as { readonly value: string };
    return applyFilter(name, operand, this.#arguments(filter.args, scope), this.#budget);
  }
}
