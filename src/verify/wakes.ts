import type { Value } from '../ir/value.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * Which differences matter. A value that B computes otherwise than A, from A's own values, may be a fault, or B may use its name for
 * something else that it makes up for later (a bias added in another place). What follows tells: B goes on from its own value of it,
 * and everything that is computed from that is its wake.
 *
 * - Where B arrives at A's value from its own, and would not from A's, it has made up for the difference: no fault. Where several values come
 *   together there, that holds for those alone that it would not arrive without: what merely stands beside them has drowned, or left no trace.
 * - Where the same bits come of B's value as of A's, the difference is gone without a trace: no fault either.
 * - Where an output is wrong because of it, it is a fault; and where the difference drowns in rounding, at once or after a while. What has
 *   another shape than A's can't drown: it is something else.
 */
export interface Origin<T> {
  readonly at: T;
  /** B has made up for it. */
  compensated: boolean;
  /** It has drowned in rounding. */
  drowned: boolean;
  /** An output is wrong because of it, or there is none. */
  reached: boolean;
}

export const isFault = (o: Origin<unknown>): boolean => o.reached || (o.drowned && !o.compensated);

interface Wake<T> {
  /** B's own value. */
  readonly tensor: Tensor;
  readonly origins: ReadonlySet<Origin<T>>;
}

/** What came of a value of B. */
export interface Outcome {
  readonly value: Value;
  /** Whether A's value has its shape. */
  readonly alike: boolean;
  /** What it was computed from. */
  readonly from: readonly Value[];
  /** Whether it is A's when it is computed from A's values. */
  readonly pure: boolean;
  /** Whether it is A's when it is computed from B's own. */
  readonly own: boolean;
  /** Whether the two have the same bits. */
  readonly traceless: boolean;
  /** Of what it was computed from, where only `own` is A's: what it would be A's without, and whether with the same bits. Others were needed. */
  readonly beside: ReadonlyMap<Value, { readonly traceless: boolean }>;
  /** B's own. */
  readonly tensor: Tensor;
  readonly isOutput: boolean;
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

  /** B does not get any further from these values: what made them other than A's is at fault. */
  stopAt(from: readonly Value[]): void {
    for (const origin of from.flatMap(v => [...(this.#wakes.get(v)?.origins ?? [])])) origin.reached = true;
  }

  /** Notes something that is at fault whatever comes of it. */
  blame(at: T): void {
    this.origins.push({ at, compensated: false, drowned: false, reached: true });
  }

  /** Notes what came of a value; `at` is what to remember of it. */
  note(at: T, { value, alike, from, pure, own, traceless, beside, tensor, isOutput }: Outcome): void {
    const before = new Set(from.flatMap(v => [...(this.#wakes.get(v)?.origins ?? [])]));
    if (own) {
      for (const v of from) {
        const idle = beside.get(v) ?? (pure ? { traceless } : undefined);
        for (const origin of this.#wakes.get(v)?.origins ?? []) {
          if (!idle) origin.compensated = true;
          else if (!idle.traceless) origin.drowned = true;
        }
      }
      return;
    }
    if (!pure) {
      const origin = { at, compensated: !alike, drowned: false, reached: false };
      this.origins.push(origin);
      before.add(origin);
    }
    if (isOutput) for (const origin of before) origin.reached = true;
    this.#wakes.set(value, { tensor, origins: before });
  }
}
