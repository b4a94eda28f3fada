import type { Attribute } from '../ir/attribute.ts';
import { Graph } from '../ir/graph.ts';
import type { FunctionDef, Model } from '../ir/model.ts';
import { normalDomain } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { Lexer } from './lexer.ts';
import { parseAttribute } from './parse-attribute.ts';
import { define, parseBody, parseDeclarations, parseGraph, reading } from './parse-graph.ts';
import { parseEntries } from './parse-tensor.ts';
import { Scope } from './scope.ts';

/** What a text that does not say it is written in. */
export const DEFAULT_IR_VERSION = 10;
export const DEFAULT_OPSET = 21;

/**
 * Reads a model in ONNX's textual syntax (`docs/Syntax.md` of onnx/onnx): everything that ONNX's own parser reads, and a little more:
 *
 * - without a header, IR version 10 and operator set 21 are meant
 * - numbers with a point or an exponent are values in tensors of small floats (float16 …), where an integer is a bit pattern
 * - names of operators, domains, attributes and subgraphs may be quoted
 * - locations of external data that begin with `rand:` or `fill:` make test data (see `tensorAt`)
 *
 * Names are resolved while reading: every name must be defined before it is used.
 * @throws TextSyntaxError saying where, what was expected and what was found
 */
export function parse(source: string): Model {
  const lexer = new Lexer(source);
  const header = lexer.is('<') ? parseHeader(lexer, modelKeys) : {};
  const opsets = header.opsets ?? new Map([['', DEFAULT_OPSET]]);
  const irVersion = header.irVersion ?? DEFAULT_IR_VERSION;
  const graph = parseGraph(reading(lexer, irVersion, opsets), lexer.name('the name of a graph'));
  const functions: FunctionDef[] = [];
  while (lexer.kind !== 'end') functions.push(parseFunctionAt(lexer, irVersion, opsets));
  return {
    irVersion,
    opsets,
    producerName: header.producerName ?? '',
    producerVersion: header.producerVersion ?? '',
    domain: header.domain ?? '',
    modelVersion: header.modelVersion ?? 0n,
    doc: header.doc ?? '',
    metadata: header.metadata ?? new Map(),
    graph,
    functions,
  };
}

/**
 * Reads one model-local function: `<domain: "funnel", opset_import: ["" : 17]> FReLU <pads, k: int = 3> (X) => (Y) { … }`.
 * @throws TextSyntaxError
 */
export function parseFunction(source: string): FunctionDef {
  const lexer = new Lexer(source);
  const f = parseFunctionAt(lexer, DEFAULT_IR_VERSION, new Map([['', DEFAULT_OPSET]]));
  if (lexer.kind !== 'end') lexer.unexpected('the end of the text');
  return f;
}

/** A function that imports nothing is written in the operator sets around it. */
function parseFunctionAt(lexer: Lexer, irVersion: number, around: ReadonlyMap<string, number>): FunctionDef {
  const header = lexer.is('<') ? parseHeader(lexer, functionKeys) : {};
  const opsets = header.opsets ?? new Map(around);
  const from = reading(lexer, irVersion, opsets);
  const name = lexer.name('the name of a function');
  const body = new Graph(name);
  const scope = new Scope<Value>();
  const attributes: string[] = [];
  const defaults = new Map<string, Attribute>();
  if (lexer.is('<')) {
    lexer.list('<', '>', () => {
      const at = lexer.start;
      const attribute = lexer.name('an attribute');
      if (attributes.includes(attribute) || defaults.has(attribute)) lexer.fail(`the attribute ${attribute} is given twice`, at);
      if (lexer.is(':') || lexer.is('=')) defaults.set(attribute, parseAttribute(from, scope));
      else attributes.push(attribute);
    });
  }
  const inputs = parseDeclarations(lexer, '(', ')', false);
  lexer.expect('=>');
  const outputs = parseDeclarations(lexer, '(', ')', false);
  const infos = lexer.is('<') ? parseDeclarations(lexer, '<', '>', false) : [];
  const typeOf = new Map(infos.map(info => [info.name, info.type]));
  for (const input of inputs) define(lexer, scope, body.addInput(input.name, input.type ?? typeOf.get(input.name)), input.at);
  lexer.nested(() => parseBody(from, body, scope, outputs, [...outputs, ...infos]));
  const signature = { domain: normalDomain(header.domain ?? ''), name, overload: header.overload ?? '', attributes };
  return { ...signature, defaults, opsets, body, metadata: new Map() };
}

interface Header {
  irVersion?: number;
  opsets?: Map<string, number>;
  producerName?: string;
  producerVersion?: string;
  domain?: string;
  modelVersion?: bigint;
  doc?: string;
  metadata?: Map<string, string>;
  overload?: string;
}

type Keys = Readonly<Record<string, (lexer: Lexer, header: Header) => void>>;

const text = (lexer: Lexer) => lexer.string('a string');

const commonKeys: Keys = {
  opset_import: (lexer, header) => (header.opsets = parseOpsets(lexer)),
  domain: (lexer, header) => (header.domain = text(lexer)),
  doc_string: (lexer, header) => (header.doc = text(lexer)),
};

const modelKeys: Keys = {
  ir_version: (lexer, header) => (header.irVersion = lexer.count('an IR version')),
  ...commonKeys,
  producer_name: (lexer, header) => (header.producerName = text(lexer)),
  producer_version: (lexer, header) => (header.producerVersion = text(lexer)),
  model_version: (lexer, header) => (header.modelVersion = lexer.int64('a model version')),
  metadata_props: (lexer, header) => (header.metadata = parseEntries(lexer)),
};

const functionKeys: Keys = { ...commonKeys, overload: (lexer, header) => (header.overload = text(lexer)) };

function parseHeader(lexer: Lexer, keys: Keys): Header {
  const header: Header = {};
  const expected = Object.keys(keys).join(', ');
  lexer.expect('<');
  do {
    const key = lexer.kind === 'word' && Object.hasOwn(keys, lexer.text) ? lexer.take() : lexer.unexpected(`one of ${expected}`);
    lexer.expect(':');
    keys[key]!(lexer, header);
  } while (lexer.eat(','));
  if (!lexer.eat('>')) lexer.unexpected(', or >');
  return header;
}

function parseOpsets(lexer: Lexer): Map<string, number> {
  const opsets = new Map<string, number>();
  lexer.list('[', ']', () => {
    const domain = normalDomain(lexer.string('a domain in quotes'));
    lexer.expect(':');
    opsets.set(domain, lexer.count('the version of an operator set'));
  });
  return opsets;
}
