import { FunnelError } from '../errors.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import type { Session } from '../runtime/session.ts';
import type { InputSet } from './inputs.ts';
import type { Finding } from './verdict.ts';

type Visit = (session: Session, set: InputSet) => Promise<void>;

/** Sees to it that of the optional sets one is run: the first that the model takes. That it takes none is a remark, and no failure of the model. */
export class OptionalSets {
  readonly #visit: Visit;
  #refused: string | undefined;
  #done = false;

  constructor(visit: Visit) {
    this.#visit = visit;
  }

  readonly visit: Visit = async (session, set) => {
    if (!set.optional) return this.#visit(session, set);
    if (this.#done) return;
    try {
      await this.#visit(session, set);
      this.#done = true;
      this.#refused = undefined;
    } catch (error) {
      if (!(error instanceof FunnelError)) throw error;
      this.#refused = `${set.label}: ${error.message}`;
      // What takes too long, or too much memory, would do so again.
      this.#done = error instanceof RuntimeFailure && error.kind !== 'error';
    }
  };

  /** A warning where the model took none of them. */
  remarks(): Finding[] {
    if (this.#refused === undefined) return [];
    const message = `only one choice of sizes was tried, as A refuses others (${this.#refused}); --shape says which sizes it takes`;
    return [{ code: 'sizes-tried-once', where: 'A', message }];
  }
}
