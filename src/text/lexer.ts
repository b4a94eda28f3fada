import { TextSyntaxError } from '../errors.ts';

/** `mark` is punctuation: one character, or `=>` or `...`. Numbers with a point or an exponent, `-inf` and `-nan` are `decimal`. */
export type TokenKind = 'word' | 'integer' | 'decimal' | 'string' | 'mark' | 'end';

/** How deep graphs and types may nest: far more than any real model, far less than the stack holds. */
const MAX_DEPTH = 100;

const INT64_DIGITS = 20;

/**
 * The tokens of a text, one at a time: `kind`, `text` and `start` describe the current one.
 * A position becomes line and column only when an error wants to say where.
 */
export class Lexer {
  kind: TokenKind = 'end';
  /** The token as written; of a string, what it stands for. */
  text = '';
  /** Offset of the token's first character. */
  start = 0;
  readonly #source: string;
  #end = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    if (source.charCodeAt(0) === 0xfeff) this.#end = 1;
    this.advance();
  }

  /** Goes on to the next token. */
  advance(): void {
    this.#skipBlank();
    const source = this.#source;
    const at = this.#end;
    this.start = at;
    const c = source.charCodeAt(at);
    if (at >= source.length) this.#token('end', at);
    else if (isWordStart(c)) this.#token('word', this.#wordEnd(at));
    else if (isDigit(c)) this.#number(at);
    else if (c === QUOTE) this.#string(at);
    else if (c === MINUS) this.#negative(at);
    else if (c === EQUALS && source.charCodeAt(at + 1) === GREATER) this.#token('mark', at + 2);
    else if (c === DOT && source.startsWith('...', at)) this.#token('mark', at + 3);
    else this.#token('mark', at + 1);
  }

  is(mark: string): boolean {
    return this.kind === 'mark' && this.text === mark;
  }

  /** Whether the token was `mark`; if so it is passed over. */
  eat(mark: string): boolean {
    if (!this.is(mark)) return false;
    this.advance();
    return true;
  }

  expect(mark: string): void {
    if (!this.eat(mark)) this.unexpected(mark);
  }

  /** Takes an identifier. */
  word(what: string): string {
    return this.kind === 'word' ? this.take() : this.unexpected(what);
  }

  /** Takes an identifier, quoted or not. */
  name(what: string): string {
    return this.kind === 'word' || this.kind === 'string' ? this.take() : this.unexpected(what);
  }

  string(what: string): string {
    return this.kind === 'string' ? this.take() : this.unexpected(what);
  }

  /** Takes an integer that fits in 64 bits with sign. */
  int64(what: string): bigint {
    if (this.kind !== 'integer') this.unexpected(what);
    const value = this.text.length > INT64_DIGITS ? undefined : BigInt(this.text);
    if (value === undefined || BigInt.asIntN(64, value) !== value) this.fail(`${this.#shown()} is out of int64's range`);
    this.advance();
    return value;
  }

  /** Takes an integer that a JavaScript number holds exactly, and that is not negative. */
  count(what: string): number {
    const at = this.start;
    const value = this.int64(what);
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail(`${value} can't be ${what}`, at);
    return Number(value);
  }

  /** Takes the token, whatever it is. */
  take(): string {
    const { text } = this;
    this.advance();
    return text;
  }

  /** `open item, item, … close`; the brackets may be empty. */
  list(open: string, close: string, item: () => void): void {
    this.expect(open);
    if (this.eat(close)) return;
    do item();
    while (this.eat(','));
    if (!this.eat(close)) this.unexpected(`, or ${close}`);
  }

  /** Runs `inner` one level deeper. */
  nested<T>(inner: () => T): T {
    if (++this.#depth > MAX_DEPTH) this.fail(`nested more than ${MAX_DEPTH} deep`);
    const result = inner();
    this.#depth--;
    return result;
  }

  unexpected(what: string): never {
    if (this.is('...')) this.fail('... stands for values that were left out of this text: they can not be read back');
    this.fail(`expected ${what}, found ${this.#shown()}`);
  }

  fail(message: string, at = this.start): never {
    const before = this.#source.slice(0, at);
    const newline = before.lastIndexOf('\n');
    throw new TextSyntaxError(message, before.split('\n').length, at - newline);
  }

  #shown(): string {
    if (this.kind === 'end') return 'the end of the text';
    const text = this.text.length > 40 ? `${this.text.slice(0, 40)}…` : this.text;
    return this.kind === 'string' ? `"${text}"` : text;
  }

  #token(kind: TokenKind, end: number): void {
    this.kind = kind;
    this.text = this.#source.slice(this.start, end);
    this.#end = end;
  }

  #skipBlank(): void {
    const source = this.#source;
    for (;;) {
      const c = source.charCodeAt(this.#end);
      if (c === 32 || (c >= 9 && c <= 13)) this.#end++;
      else if (c === HASH) {
        const newline = source.indexOf('\n', this.#end);
        this.#end = newline < 0 ? source.length : newline + 1;
      } else return;
    }
  }

  #wordEnd(at: number): number {
    while (isWordStart(this.#source.charCodeAt(at)) || isDigit(this.#source.charCodeAt(at))) at++;
    return at;
  }

  #digitsEnd(at: number): number {
    while (isDigit(this.#source.charCodeAt(at))) at++;
    return at;
  }

  /** Digits from `at`; the sign before them is part of the token. */
  #number(at: number): void {
    const source = this.#source;
    const whole = this.#digitsEnd(at);
    let end = source.charCodeAt(whole) === DOT && !source.startsWith('...', whole) ? this.#digitsEnd(whole + 1) : whole;
    if ((source.charCodeAt(end) | 32) === LOWER_E) {
      const sign = source.charCodeAt(end + 1) === PLUS || source.charCodeAt(end + 1) === MINUS ? 1 : 0;
      const exponent = end + 1 + sign;
      end = this.#digitsEnd(exponent);
      if (end === exponent) this.fail(`${source.slice(this.start, end)} is not a number: its exponent has no digits`);
    }
    this.#token(end === whole ? 'integer' : 'decimal', end);
  }

  #negative(at: number): void {
    const c = this.#source.charCodeAt(at + 1);
    if (isDigit(c)) this.#number(at + 1);
    else this.#token('decimal', this.#wordEnd(at + 1));
    if (!isDigit(c) && !isFloatWord(this.text.slice(1))) this.fail(`expected a number, found ${this.#shown()}`);
  }

  /** A backslash stands for the character after it, whatever that is; line breaks are ordinary characters. */
  #string(at: number): void {
    const source = this.#source;
    let text = '';
    for (let from = at + 1, i = from; ; i++) {
      const c = source.charCodeAt(i);
      if (i >= source.length) this.fail('this string has no end');
      if (c !== QUOTE && c !== BACKSLASH) continue;
      text += source.slice(from, i);
      if (c === QUOTE) {
        this.kind = 'string';
        this.text = text;
        this.#end = i + 1;
        return;
      }
      from = ++i;
    }
  }
}

/** Whether a word is a number: `inf`, `infinity` or `nan` in any case. */
export function isFloatWord(word: string): boolean {
  return /^(?:inf|infinity|nan)$/i.test(word);
}

const QUOTE = 34;
const HASH = 35;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const EQUALS = 61;
const GREATER = 62;
const BACKSLASH = 92;
const LOWER_E = 101;

const isDigit = (c: number) => c >= 48 && c <= 57;
const isWordStart = (c: number) => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95;
