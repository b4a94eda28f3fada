import type { Attribute } from '../ir/attribute.ts';
import type { Value } from '../ir/value.ts';
import { parseGraph, type Reading } from './parse-graph.ts';
import { atNumber, takeFloat } from './parse-number.ts';
import { parseTensor } from './parse-tensor.ts';
import { atType, parseType } from './parse-type.ts';
import type { Scope } from './scope.ts';
import { stringOf } from './words.ts';

const singular = ['int', 'float', 'string', 'tensor', 'graph', 'type_proto'] as const;

type Single = Extract<Attribute, { type: (typeof singular)[number] }>;

/** Kinds that the IR knows by number only; a reference to an attribute may be of such a kind. */
const numbered: Readonly<Record<string, string>> = { sparse_tensor: 'kind11', sparse_tensors: 'kind12' };

/** The kind of a reference whose kind is not written. */
const UNSAID = 'kind0';

/** An attribute behind its name: `= 1`, `: ints = [1, 2]`, `: float = @alpha`. Graphs see the names in `scope`. */
export function parseAttribute(from: Reading, scope: Scope<Value>): Attribute {
  const { lexer } = from;
  const declared = lexer.eat(':') ? parseKind(from) : undefined;
  lexer.expect('=');
  if (lexer.eat('@'))
    return { type: 'reference', value: lexer.name('the name of an attribute'), of: declared ? (numbered[declared] ?? declared) : UNSAID };
  if (declared !== undefined && Object.hasOwn(numbered, declared)) lexer.fail('sparse tensors can not be written in text');
  if (lexer.is('[')) return parseList(from, scope, declared);
  if (declared?.endsWith('s')) lexer.unexpected('[');
  return parseSingle(from, scope, declared);
}

function parseKind({ lexer }: Reading): string {
  const at = lexer.start;
  const kind = lexer.word('a kind of attribute');
  const known = Object.hasOwn(numbered, kind) || singular.some(k => kind === k || kind === `${k}s`);
  if (!known) lexer.fail(`${kind} is no kind of attribute`, at);
  return kind;
}

function parseSingle(from: Reading, scope: Scope<Value>, declared: string | undefined): Single {
  const { lexer } = from;
  const at = lexer.start;
  const found = readSingle(from, scope, declared === 'float');
  if (declared !== undefined && declared !== found.type) lexer.fail(`expected ${article(declared)}, found ${article(found.type)}`, at);
  return found;
}

const article = (kind: string) => (kind === 'int' ? 'an int' : `a ${kind}`);

function readSingle(from: Reading, scope: Scope<Value>, asFloat: boolean): Single {
  const { lexer } = from;
  if (lexer.kind === 'integer' && !asFloat) return { type: 'int', value: lexer.int64('an integer') };
  if (atNumber(lexer)) return { type: 'float', value: takeFloat(lexer, 'float') };
  if (atType(lexer)) return readTyped(from);
  if (lexer.kind !== 'word' && lexer.kind !== 'string') lexer.unexpected('a value');
  const isString = lexer.kind === 'string';
  const text = lexer.take();
  // A quoted graph name goes beyond ONNX's own parser, which reads no such graphs.
  if (isString && !lexer.is('(') && !lexer.is('=>')) return { type: 'string', value: stringOf(text) };
  return { type: 'graph', value: parseGraph(from, text, scope) };
}

/** A type alone, or the type of a tensor. */
function readTyped({ lexer }: Reading): Single {
  const at = lexer.start;
  const type = parseType(lexer);
  const named = lexer.kind === 'word' || lexer.kind === 'string';
  if (!named && !lexer.is('{') && !lexer.is('=')) return { type: 'type_proto', value: type };
  const name = named ? lexer.take() : '';
  lexer.eat('=');
  return { type: 'tensor', value: parseTensor(lexer, type, name, at) };
}

function parseList(from: Reading, scope: Scope<Value>, declared: string | undefined): Attribute {
  const { lexer } = from;
  const at = lexer.start;
  const single = declared?.replace(/s$/, '');
  const items: Single[] = [];
  lexer.list('[', ']', () => items.push(parseSingle(from, scope, single)));
  const [first] = items;
  if (!first) {
    if (!declared?.endsWith('s')) lexer.fail('an empty list needs its kind, such as : ints', at);
    return { type: declared, value: [] } as unknown as Attribute;
  }
  const kinds = new Set(items.map(item => item.type));
  if (kinds.size === 1) return { type: `${first.type}s`, value: items.map(item => item.value) } as unknown as Attribute;
  if (kinds.size > 2 || !kinds.has('int') || !kinds.has('float'))
    lexer.fail(`a list holds values of one kind, not ${[...kinds].join(' and ')}`, at);
  return { type: 'floats', value: items.map(item => Math.fround(Number(item.value))) };
}
