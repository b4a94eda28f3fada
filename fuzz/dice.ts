import { normal, type Random, random } from '../src/tensor/random.ts';

/** Choices of one seed: the same ones on every machine. */
export class Dice {
  readonly #seed: string;
  readonly #next: Random;
  #streams = 0;

  constructor(seed: string) {
    this.#seed = seed;
    this.#next = random(seed);
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.#next() * (high - low + 1));
  }

  /** A number of [low, high). */
  real(low: number, high: number): number {
    return low + this.#next() * (high - low);
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new TypeError('nothing to pick from');
    return items[this.int(0, items.length - 1)]!;
  }

  /** Some of the items, in their order. */
  some<T>(items: readonly T[], probability: number): T[] {
    return items.filter(() => this.chance(probability));
  }

  shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items];
    return items.map(() => rest.splice(this.int(0, rest.length - 1), 1)[0]!);
  }

  /** Numbers of the standard normal distribution. */
  normal(count: number): Float64Array {
    return normal(`${this.#seed} ${this.#streams++}`, count);
  }

  /** Numbers evenly spread over [low, high). */
  spread(count: number, low: number, high: number): Float64Array {
    return Float64Array.from({ length: count }, () => this.real(low, high));
  }
}
