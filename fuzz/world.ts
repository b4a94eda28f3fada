import type { FunctionDef } from '../src/ir/model.ts';
import type { DType } from '../src/tensor/dtype.ts';
import type { Dice } from './dice.ts';

/** The newest operator set that the runtime knows in full. */
const NEWEST_OPSET = 24;

export type FloatType = 'float' | 'float16' | 'double' | 'bfloat16';

/** What holds for all of a random network. */
export interface World {
  readonly dice: Dice;
  readonly opset: number;
  readonly irVersion: number;
  readonly opsets: Map<string, number>;
  readonly dtype: FloatType;
  /** Whether the batch is a symbol: no shape may depend on it. */
  readonly symbolic: boolean;
  /** Weights of strange magnitudes. */
  readonly hostile: boolean;
  readonly functions: FunctionDef[];
  readonly names: Labels;
}

/** Chooses what a network is made of. */
export function makeWorld(dice: Dice): World {
  const dtype = dice.pick<FloatType>(['float', 'float', 'float', 'float', 'float', 'float', 'float16', 'double', 'bfloat16']);
  const opset =
    dtype === 'bfloat16' ? dice.int(22, NEWEST_OPSET) : dice.chance(0.5) ? dice.pick([13, 17, 20, 24]) : dice.int(7, NEWEST_OPSET);
  const irVersion = dice.chance(0.12) ? 3 : dice.pick([4, 6, 7, 8, 8, 8, 10, 11]);
  return {
    dice,
    opset,
    irVersion,
    opsets: new Map([['', opset]]),
    dtype,
    symbolic: dice.chance(0.3),
    hostile: dice.chance(0.08),
    functions: [],
    names: new Labels(dice),
  };
}

const hostileNames = [
  'y_W',
  'x_1',
  'y_B',
  '<result>_W',
  'a b',
  'Größe/β.γ',
  '层/1',
  'x_value',
  'W:0',
  '"quoted"',
  'y_T',
  '0',
  'if',
  'float',
  '#1',
];

/** Names: unique in the whole model, but for those of sibling branches. */
export class Labels {
  readonly #dice: Dice;
  readonly #style: 'plain' | 'torch' | 'hostile';
  readonly #taken = new Set<string>();
  /** Every name given so far, in order. */
  readonly #given: string[] = [];
  readonly #inner = new Set<string>();
  #count = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
    this.#style = dice.pick(['plain', 'torch', 'hostile']);
  }

  /** Names that the branch beside the one being written has: `write` may use them again. */
  #lent: string[] = [];

  /** What `write` makes, with the names that `sibling` made on the way to use again. */
  besides<T>(sibling: () => T, write: () => T): [T, T] {
    const start = this.#given.length;
    const first = sibling();
    const outer = this.#lent;
    this.#lent = this.#given.slice(start).filter(name => this.#inner.has(name));
    const second = write();
    this.#lent = outer;
    return [first, second];
  }

  /** What `write` makes, with no name twice: in an enclosing graph, where the branches see it. */
  apart<T>(write: () => T): T {
    const lent = this.#lent;
    this.#lent = [];
    const made = write();
    this.#lent = lent;
    return made;
  }

  /** A new name; `inner` where it is one of a nested graph alone. */
  fresh(hint: string, inner = false): string {
    if (inner && this.#lent.length > 0 && this.#dice.chance(0.3)) return this.#lent.splice(this.#dice.int(0, this.#lent.length - 1), 1)[0]!;
    for (;;) {
      const name = this.#propose(hint);
      if (this.#taken.has(name)) continue;
      this.#taken.add(name);
      this.#given.push(name);
      if (inner) this.#inner.add(name);
      return name;
    }
  }

  #propose(hint: string): string {
    const number = ++this.#count;
    if (this.#style === 'plain') return `${hint.toLowerCase()}${number}`;
    if (this.#style === 'torch') return `/layer${number >> 2}/layer${number >> 2}.${number & 3}/${hint}_output_0`;
    const dice = this.#dice;
    if (dice.chance(0.4) && this.#given.length > 0)
      return dice.pick(this.#given) + dice.pick(['_W', '_B', '_1', '_value', '_T', '_C', '_2', '_b', '_w']);
    return dice.chance(0.5) ? dice.pick(hostileNames) : `t${number}`;
  }
}

/** Whether an element type is a float that is not the usual one. */
export const isNarrow = (dtype: DType): boolean => dtype === 'float16' || dtype === 'bfloat16';
