import { InvalidArgumentError } from 'commander';

/** Sizes that a model leaves open, as `verify` and `inspect` take them. */
export interface Shapes {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly symbols: Readonly<Record<string, readonly number[]>>;
}

/** Reads `input:1x3x224x224` or `N=1,4`; may be given several times. The name may have colons of its own: the last one counts. */
export function shape(text: string, previous?: Shapes): Shapes {
  const { inputs, symbols } = previous ?? { inputs: {}, symbols: {} };
  const [, input, dims] = /^(.+):(\d+(?:x\d+)*)$/s.exec(text) ?? [];
  if (input !== undefined && dims !== undefined) return { inputs: { ...inputs, [input]: sizes(dims, 'x') }, symbols };
  const [, symbol, choices] = /^(.+)=(\d+(?:,\d+)*)$/s.exec(text) ?? [];
  if (symbol !== undefined && choices !== undefined) return { inputs, symbols: { ...symbols, [symbol]: sizes(choices, ',') } };
  throw new InvalidArgumentError('It must be like input:1x3x224x224, N=2 or N=1,4.');
}

function sizes(text: string, separator: string): number[] {
  return text.split(separator).map(Number);
}
