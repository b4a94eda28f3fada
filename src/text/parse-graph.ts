import type { Attribute } from '../ir/attribute.ts';
import { Graph } from '../ir/graph.ts';
import { initializersAreInputs } from '../ir/model.ts';
import { Node, type Op } from '../ir/node.ts';
import { opOf } from '../ir/op.ts';
import type { Value, ValueType } from '../ir/value.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Lexer } from './lexer.ts';
import { parseAttribute } from './parse-attribute.ts';
import { parseTensor } from './parse-tensor.ts';
import { parseOptionalType } from './parse-type.ts';
import { Scope } from './scope.ts';

/** What parsing a graph needs to know everywhere. */
export interface Reading {
  readonly lexer: Lexer;
  readonly irVersion: number;
  /** One object for all nodes that name an operator. */
  readonly op: (domain: string, name: string, overload: string) => Op;
}

/** A name with what may stand around it: `float[2] w = {1, 2}`. */
export interface Declaration {
  readonly name: string;
  readonly type: ValueType | undefined;
  readonly tensor?: Tensor | undefined;
  /** Where the name is written. */
  readonly at: number;
}

export function reading(lexer: Lexer, irVersion: number, opsets: ReadonlyMap<string, number>): Reading {
  const known = new Map<string, Op>();
  const op = (domain: string, name: string, overload: string) => {
    const key = `${domain}\n${name}\n${overload}`;
    const found = known.get(key) ?? opOf(domain, name, overload, opsets);
    known.set(key, found);
    return found;
  };
  return { lexer, irVersion, op };
}

/** A graph behind its name. Names that it does not define are looked up in `outer`. */
export function parseGraph(from: Reading, name: string, outer?: Scope<Value>): Graph {
  return from.lexer.nested(() => {
    const { lexer } = from;
    const inputs = lexer.is('(') ? parseDeclarations(lexer, '(', ')', true) : [];
    lexer.expect('=>');
    const outputs = parseDeclarations(lexer, '(', ')', false);
    const infos = lexer.is('<') ? parseDeclarations(lexer, '<', '>', true) : [];
    const graph = new Graph(name);
    const scope = new Scope(outer);
    addEdges(from, graph, scope, inputs, infos);
    parseBody(from, graph, scope, outputs, [...outputs, ...infos]);
    return graph;
  });
}

/** Declarations in brackets; with values, where these are allowed. */
export function parseDeclarations(lexer: Lexer, open: string, close: string, values: boolean): Declaration[] {
  const declarations: Declaration[] = [];
  lexer.list(open, close, () => {
    const start = lexer.start;
    const type = parseOptionalType(lexer);
    const at = lexer.start;
    const quotes = lexer.kind === 'string';
    const name = lexer.name(type ? 'a name' : 'a type or a name');
    if (!type && !quotes && (lexer.kind === 'word' || lexer.kind === 'string' || lexer.is('['))) lexer.fail(`${name} is no type`, at);
    const tensor = values && lexer.eat('=') ? parseTensor(lexer, type, name, start) : undefined;
    declarations.push({ name, type, tensor, at });
  });
  return declarations;
}

/**
 * Inputs and initializers. A value given to an input, in the list of inputs or after the outputs, is one that callers may override; before
 * IR version 4 they may not, and it is a constant.
 */
function addEdges(from: Reading, graph: Graph, scope: Scope<Value>, inputs: readonly Declaration[], infos: readonly Declaration[]): void {
  const { lexer, irVersion } = from;
  const initializers = new Map<string, Declaration>();
  for (const info of [...inputs, ...infos]) {
    if (!info.tensor) continue;
    if (initializers.has(info.name)) lexer.fail(`${info.name} is given a value twice`, info.at);
    initializers.set(info.name, info);
  }
  const overridable = new Set<string>();
  for (const { name, type, at } of inputs) {
    const tensor = initializers.get(name)?.tensor;
    if (tensor && initializersAreInputs(irVersion)) continue;
    overridable.add(name);
    define(lexer, scope, graph.addInput(name, type, tensor), at);
  }
  for (const { name, tensor, at } of initializers.values()) {
    if (!overridable.has(name)) define(lexer, scope, graph.addConstant(name, tensor!), at);
  }
  for (const { name, type } of infos) if (scope.defines(name)) scope.find(name)!.type ??= type;
}

/** Nodes in braces, then the outputs that the head announced. `infos` tell the types of results. */
export function parseBody(
  from: Reading,
  graph: Graph,
  scope: Scope<Value>,
  outputs: readonly Declaration[],
  infos: readonly Declaration[],
): void {
  const { lexer } = from;
  const types = new Map<string, ValueType>();
  for (const { name, type } of infos) if (type && !types.has(name)) types.set(name, type);
  lexer.expect('{');
  while (!lexer.eat('}')) graph.append(parseNode(from, scope, types));
  for (const [i, { name, type, at }] of outputs.entries()) {
    const value = scope.find(name) ?? lexer.fail(`nothing computes the output ${name}`, at);
    value.type ??= type;
    graph.setOutput(i, value);
  }
}

/** `[label] y, z = domain.Op:overload <attributes> (a, b)`; the attributes may come last. */
function parseNode(from: Reading, scope: Scope<Value>, types: ReadonlyMap<string, ValueType>): Node {
  const { lexer } = from;
  let label = '';
  if (lexer.eat('[')) {
    if (!lexer.is(']')) label = lexer.name('a label');
    lexer.expect(']');
  }
  const results = parseNames(lexer);
  if (!lexer.eat('=')) lexer.unexpected(results.length === 0 && !label ? 'a node or }' : results.length === 0 ? 'a name or =' : ', or =');
  const op = parseOp(from);
  const before = lexer.is('<') ? parseAttributes(from, scope) : undefined;
  lexer.expect('(');
  const inputs = parseNames(lexer).map(({ name, at }) => {
    return name === '' ? undefined : (scope.find(name) ?? lexer.fail(`${name} is not defined`, at));
  });
  if (!lexer.eat(')')) lexer.unexpected(', or )');
  const attributes = before ?? (lexer.is('<') ? parseAttributes(from, scope) : new Map<string, Attribute>());
  const node = new Node(
    op,
    inputs,
    results.map(({ name }) => ({ name, type: types.get(name) })),
    { name: label, attributes },
  );
  for (const [i, { name, at }] of results.entries()) if (name !== '') define(lexer, scope, node.outputs[i]!, at);
  return node;
}

/**
 * Names with commas between them. `""`, or nothing before a comma, is an absent one; a comma at the end adds nothing: `(a, , b)` are three,
 * `(a,)` is one.
 */
function parseNames(lexer: Lexer): { name: string; at: number }[] {
  const names: { name: string; at: number }[] = [];
  do {
    const at = lexer.start;
    if (lexer.kind === 'word' || lexer.kind === 'string') names.push({ name: lexer.take(), at });
    else if (lexer.is(',')) names.push({ name: '', at });
    else break;
  } while (lexer.eat(','));
  return names;
}

/** Names of domains and operators are quoted only where they are no identifiers, which ONNX's own parser does not read. */
function parseOp(from: Reading): Op {
  const { lexer } = from;
  const path = [lexer.name('an operator')];
  while (lexer.eat('.')) path.push(lexer.name('an operator'));
  const overload = lexer.eat(':') ? lexer.name('the name of an overload') : '';
  return from.op(path.slice(0, -1).join('.'), path.at(-1)!, overload);
}

function parseAttributes(from: Reading, scope: Scope<Value>): Map<string, Attribute> {
  const { lexer } = from;
  const attributes = new Map<string, Attribute>();
  lexer.list('<', '>', () => {
    const at = lexer.start;
    const name = lexer.name('an attribute');
    if (attributes.has(name)) lexer.fail(`the attribute ${name} is given twice`, at);
    attributes.set(name, parseAttribute(from, scope));
  });
  return attributes;
}

export function define(lexer: Lexer, scope: Scope<Value>, value: Value, at: number): void {
  if (value.name === '') lexer.fail('a value needs a name', at);
  if (scope.defines(value.name)) lexer.fail(`${value.name} is defined twice`, at);
  scope.define(value.name, value);
}
