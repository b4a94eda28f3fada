import type { Dim, TensorType, ValueType } from '../ir/value.ts';
import type { Lexer } from './lexer.ts';
import { dtypeNamed, isTypeWord } from './words.ts';

/** Whether a type begins here. */
export function atType(lexer: Lexer): boolean {
  return lexer.kind === 'word' && isTypeWord(lexer.text);
}

/** A type, where one is given. */
export function parseOptionalType(lexer: Lexer): ValueType | undefined {
  return atType(lexer) ? parseType(lexer) : undefined;
}

/** `float[N,3,?]`, `seq(…)`, `map(int64, …)`, `optional(…)`, `sparse_tensor(float[3])`, `opaque(domain, name)`. */
export function parseType(lexer: Lexer): ValueType {
  if (!atType(lexer)) lexer.unexpected('a type');
  const word = lexer.text;
  if (dtypeNamed(word)) return parseTensorType(lexer, 'tensor');
  lexer.advance();
  lexer.expect('(');
  const type = lexer.nested(() => parseCompound(lexer, word));
  lexer.expect(')');
  return type;
}

function parseCompound(lexer: Lexer, word: string): ValueType {
  switch (word) {
    case 'seq':
      return { kind: 'sequence', of: parseType(lexer) };
    case 'optional':
      return { kind: 'optional', of: parseType(lexer) };
    case 'map': {
      const key = (lexer.kind === 'word' && dtypeNamed(lexer.text)) || lexer.unexpected('an element type');
      lexer.advance();
      lexer.expect(',');
      return { kind: 'map', key, of: parseType(lexer) };
    }
    case 'sparse_tensor':
      return parseTensorType(lexer, 'sparse');
    default:
      // The IR knows opaque types only as types it does not know: their names are let go.
      while (!lexer.is(')')) {
        lexer.word('a name or )');
        if (!lexer.eat('.')) lexer.eat(',');
      }
      return { kind: 'other' };
  }
}

/** `float` is a scalar, `float[]` has an unknown rank. */
function parseTensorType(lexer: Lexer, kind: TensorType['kind']): TensorType {
  const dtype = (lexer.kind === 'word' && dtypeNamed(lexer.text)) || lexer.unexpected('an element type');
  lexer.advance();
  if (!lexer.is('[')) return { kind, dtype, shape: [] };
  const shape: Dim[] = [];
  lexer.list('[', ']', () => shape.push(parseDim(lexer)));
  return { kind, dtype, shape: shape.length > 0 ? shape : undefined };
}

/** Sizes that can't be (negative, beyond 2^53) are unknown, as in files. */
function parseDim(lexer: Lexer): Dim {
  if (lexer.eat('?')) return undefined;
  if (lexer.kind !== 'integer') return lexer.name('a dimension') || undefined;
  const size = lexer.int64('a dimension');
  return size >= 0n && size <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(size) : undefined;
}
