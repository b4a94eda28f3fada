import type { Attribute } from '../ir/attribute.ts';
import type { Graph } from '../ir/graph.ts';
import { type FunctionDef, initializersAreInputs, type Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { decimalOf } from './decimal.ts';
import { Names } from './print-names.ts';
import { join, type PrintOptions, printElements, printEntries, tensorType } from './print-tensor.ts';
import { printType } from './print-type.ts';
import { Scope } from './scope.ts';
import { plainName, quotable, quoted, textOf } from './words.ts';

export type { PrintOptions } from './print-tensor.ts';

/**
 * Writes a model in ONNX's textual syntax, the one way: attributes sorted and typed, shortest decimals, one node or initializer a line.
 * `parse(print(m))` is `m`, as far as the syntax goes: it has no place for doc strings and metadata below the model, sparse tensors,
 * and the names of opaque types.
 */
export function print(model: Model, options: PrintOptions = {}): string {
  const entries = [`ir_version: ${model.irVersion}`, `opset_import: ${printOpsets(model.opsets)}`];
  if (model.producerName) entries.push(`producer_name: ${quoted(model.producerName)}`);
  if (model.producerVersion) entries.push(`producer_version: ${quoted(model.producerVersion)}`);
  if (model.domain) entries.push(`domain: ${quoted(model.domain)}`);
  if (model.modelVersion !== 0n) entries.push(`model_version: ${model.modelVersion}`);
  if (model.doc) entries.push(`doc_string: ${quoted(model.doc)}`);
  if (model.metadata.size > 0) entries.push(`metadata_props: [${printEntries(model.metadata)}]`);
  const functions = model.functions.map(f => `\n${printFunction(f, options)}\n`);
  const printing = { names: new Names([model.graph]), options };
  const graph = graphText(model.graph, new Scope(), '', printing, initializersAreInputs(model.irVersion));
  return `<${entries.join(', ')}>\n${graph}\n${functions.join('')}`;
}

export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  return graphText(graph, new Scope(), '', { names: new Names([graph]), options });
}

export function printFunction(f: FunctionDef, options: PrintOptions = {}): string {
  const { body } = f;
  const printing = { names: new Names([body]), options };
  const header = [`domain: ${quoted(f.domain)}`, `opset_import: ${printOpsets(f.opsets)}`];
  if (f.overload) header.push(`overload: ${quoted(f.overload)}`);
  const defaults = sorted(f.defaults).map(([name, attribute]) => attributeText(name, attribute, new Scope(), '', printing));
  const attributes = [...f.attributes.map(plainName), ...defaults];
  const scope = new Scope<Value>();
  const { lead, lines } = bodyText(body, scope, '', printing);
  const name = plainName(f.name) + (attributes.length > 0 ? ` <${attributes.join(', ')}>` : '');
  return `<${header.join(', ')}>\n${name} ${lead}\n${lines.join('')}}`;
}

/** One node. Values keep their names, seen or not. */
export function printNode(node: Node, options: PrintOptions = {}): string {
  return nodeText(node, new Scope(), '', { names: new Names([]), options });
}

interface Printing {
  readonly names: Names;
  readonly options: PrintOptions;
}

/** `listsConstants`: before IR version 4, a constant is an input with a value that no caller may override. */
function graphText(graph: Graph, outer: Scope<Value>, indent: string, printing: Printing, listsConstants = false): string {
  const { lead, lines } = bodyText(graph, new Scope(outer), indent, printing, listsConstants);
  return `${quotable(graph.name)} ${lead}\n${lines.join('')}${indent}}`;
}

/** The head of a graph up to its brace, and its nodes. Nodes come first: results get their names on the way. */
function bodyText(
  graph: Graph,
  scope: Scope<Value>,
  indent: string,
  printing: Printing,
  listsConstants = false,
): { lead: string; lines: string[] } {
  const { names, options } = printing;
  for (const value of [...graph.inputs, ...graph.constants, ...graph.sparse]) names.define(value, scope);
  const initializers = [...graph.constants].map(value => initializerText(value, printing));
  const own = graph.inputs.map(value => (saysFallback(value) ? initializerText(value, printing) : typed(value, names)));
  const fallbacks = graph.inputs.filter(value => fallbackOf(value) && !saysFallback(value)).map(value => initializerText(value, printing));
  const sparse = [...graph.sparse].map(value => `${names.of(value)} = ...`);
  const outputs = new Set(graph.outputs);
  const types: string[] = [];
  const lines: string[] = [];
  for (const node of graph.nodes()) {
    lines.push(`${indent}  ${nodeText(node, scope, `${indent}  `, printing)}\n`);
    if (options.types === false) continue;
    for (const value of node.outputs) {
      if (value.type && !outputs.has(value) && (value.name !== '' || value.uses.size > 0)) types.push(typed(value, names));
    }
  }
  const inputs = listsConstants ? own.concat(initializers) : own;
  const listed = fallbacks.concat(listsConstants ? [] : initializers, sparse, types);
  const column = (items: readonly string[]) => `\n${items.map(item => `${indent}  ${item}`).join(',\n')}\n${indent}`;
  const ins = graph.inputs.some(saysFallback) || inputs.length > graph.inputs.length ? column(inputs) : inputs.join(', ');
  const outs = graph.outputs.map(value => typed(value, names)).join(', ');
  const list = listed.length > 0 ? `\n${indent}<${column(listed)}>\n${indent}{` : ' {';
  return { lead: `(${ins}) => (${outs})${list}`, lines };
}

function typed(value: Value, names: Names): string {
  return value.type ? `${printType(value.type)} ${names.of(value)}` : names.of(value);
}

function fallbackOf({ definition }: Value): Tensor | undefined {
  return definition.kind === 'input' ? definition.fallback : undefined;
}

/** Whether the type of an input is that of what it falls back to: then both are written together. */
function saysFallback(value: Value): boolean {
  const fallback = fallbackOf(value);
  return fallback !== undefined && value.type !== undefined && printType(value.type) === tensorType(fallback.dtype, fallback.dims);
}

function initializerText(value: Value, { names, options }: Printing): string {
  const tensor = value.constant ?? fallbackOf(value)!;
  return `${tensorType(tensor.dtype, tensor.dims)} ${names.of(value)} = ${printElements(tensor, options)}`;
}

function nodeText(node: Node, scope: Scope<Value>, indent: string, printing: Printing): string {
  const { names } = printing;
  const label = node.name ? `[${plainName(node.name)}] ` : '';
  const inputs = `(${node.inputs.map(value => names.of(value)).join(', ')})`;
  const attributes = sorted(node.attributes).map(([name, attribute]) => attributeText(name, attribute, scope, indent, printing));
  const list = attributes.length > 0 ? ` <${attributes.join(', ')}>` : '';
  const results = node.outputs.map(value => names.ofResult(value, scope)).join(', ');
  const [hasGraph] = node.subgraphs();
  return `${label}${results}${results ? ' ' : ''}= ${opText(node)}${hasGraph ? ` ${inputs}${list}` : `${list} ${inputs}`}`;
}

function opText({ op }: Node): string {
  const dotted = op.domain.split('.').map(plainName);
  const domain = dotted.some(part => part.startsWith('"')) ? quoted(op.domain) : dotted.join('.');
  return `${op.domain && `${domain}.`}${plainName(op.name)}${op.overload && `:${plainName(op.overload)}`}`;
}

function attributeText(name: string, attribute: Attribute, scope: Scope<Value>, indent: string, printing: Printing): string {
  const key = plainName(name);
  if (attribute.type === 'other') return `${key} = ...`;
  const value = valueText(attribute, scope, indent, printing);
  const kind = attribute.type === 'reference' ? kindText(attribute.of) : attribute.type;
  return kind ? `${key}: ${kind} = ${value}` : `${key} = ${value}`;
}

/** The kinds that the IR knows by number, as a reference may be of one. */
function kindText(kind: string): string {
  const numbered: Readonly<Record<string, string>> = { kind0: '', kind11: 'sparse_tensor', kind12: 'sparse_tensors' };
  return numbered[kind] ?? kind;
}

function valueText(attribute: Exclude<Attribute, { type: 'other' }>, scope: Scope<Value>, indent: string, printing: Printing): string {
  const { options } = printing;
  const list = <T>(items: readonly T[], item: (value: T) => string) => `[${join(items.length, i => item(items[i]!), options)}]`;
  const tensor = (t: Tensor) => `${tensorType(t.dtype, t.dims)} ${printElements(t, options).replace(/^\[/, '= [')}`;
  const graph = (g: Graph) => graphText(g, scope, indent, printing);
  switch (attribute.type) {
    case 'int':
      return String(attribute.value);
    case 'ints':
      return list(attribute.value, String);
    case 'float':
      return decimalOf('float', attribute.value);
    case 'floats':
      return list(attribute.value, x => decimalOf('float', x));
    case 'string':
      return quoted(textOf(attribute.value));
    case 'strings':
      return list(attribute.value, s => quoted(textOf(s)));
    case 'tensor':
      return tensor(attribute.value);
    case 'tensors':
      return list(attribute.value, tensor);
    case 'graph':
      return graph(attribute.value);
    case 'graphs':
      return `[${attribute.value.map(graph).join(', ')}]`;
    case 'type_proto':
      return printType(attribute.value);
    case 'type_protos':
      return list(attribute.value, printType);
    case 'reference':
      return `@${plainName(attribute.value)}`;
  }
}

function sorted(attributes: ReadonlyMap<string, Attribute>): [string, Attribute][] {
  return [...attributes].sort(([a], [b]) => (a < b ? -1 : 1));
}

function printOpsets(opsets: ReadonlyMap<string, number>): string {
  return `[${[...opsets].map(([domain, version]) => `${quoted(domain)} : ${version}`).join(', ')}]`;
}
