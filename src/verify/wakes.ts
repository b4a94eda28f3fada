import type { Value } from '../ir/value.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * Which differences matter. A value that B computes otherwise than A, from A's own values, may be a fault, or B may use its name for
 * something else that it makes up for later (a bias added in another place). What follows tells: B goes on from its own value of it,
 * and everything that is computed from that is its wake.
 *
 * - Where B arrives at A's value from its own, and would not from A's, it has made up for the difference: no fault.
 * - Where an output is reached that is wrong, or where what follows is wrong with B's value and right with A's, it is a fault.
 * - Where nothing that follows notices, the difference has no effect.
 */
export interface Origin<T> {
  readonly at: T;
  /** Something that follows from it is wrong, and would be right without it. */
  followed: boolean;
  /** B has made up for it. */
  compensated: boolean;
  /** An output is wrong because of it. */
  reached: boolean;
}

export const isFault = (o: Origin<unknown>): boolean => o.reached || (o.followed && !o.compensated);

interface Wake<T> {
  /** B's own value. */
  readonly tensor: Tensor;
  readonly origins: ReadonlySet<Origin<T>>;
}

/** The values of B that are not A's, in topological order of their coming. */
export class Wakes<T> {
  readonly origins: Origin<T>[] = [];
  readonly #wakes = new Map<Value, Wake<T>>();

  /** B's own value, where it is another than A's. */
  get(value: Value): Tensor | undefined {
    return this.#wakes.get(value)?.tensor;
  }
  has(value: Value): boolean {
    return this.#wakes.has(value);
  }
  /** Lets go of a value that nothing more will ask for. */
  delete(value: Value): void {
    this.#wakes.delete(value);
  }

  /**
   * Notes what came of a value: whether it is A's when computed from A's values (`pure`), and when computed from B's (`own`, the same
   * where none of those differ), and B's own value.
   */
  note(at: T, value: Value, from: readonly Value[], pure: boolean, own: boolean, tensor: Tensor, isOutput: boolean): void {
    const before = new Set(from.flatMap(v => [...(this.#wakes.get(v)?.origins ?? [])]));
    if (own) {
      if (!pure) for (const origin of before) origin.compensated = true;
      return;
    }
    for (const origin of before) origin.followed = true;
    if (!pure) {
      const origin = { at, followed: false, compensated: false, reached: false };
      this.origins.push(origin);
      before.add(origin);
    }
    if (isOutput) for (const origin of before) origin.reached = true;
    this.#wakes.set(value, { tensor, origins: before });
  }
}
