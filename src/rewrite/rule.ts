import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import type { OpName } from '../ops/schema.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Builder, Draft, type Site } from './builder.ts';
import { Match } from './match.ts';
import type { Captures, Flat, Matched, RootPattern } from './pattern.ts';
import { Refusal } from './refusal.ts';

/** What a rule proposes for a node: the value that takes the place of its first result, and what must be built for it. */
export interface Replacement {
  readonly value: Value;
  readonly draft: Draft;
  readonly match: Match;
}

/** A match that is left alone, and the node that the refusal is about. */
export interface Refused {
  readonly refusal: Refusal;
  readonly about: Node;
}

export interface Rule {
  /** The operator of the node a match begins at, under its display name. */
  readonly root: string;
  /** A replacement for `node`'s result, a refusal, or undefined when the pattern is not there. */
  propose(node: Node, site: Omit<Site, 'match'>): Replacement | Refused | undefined;
}

/**
 * A rewrite rule: where `match` is found, the root's result is replaced by what `rewrite` returns. `rewrite` never changes the
 * graph: it returns a value, a tensor, `op.refuse(code, detail)`, or undefined for what it is not meant for.
 */
export function rule<C extends Captures>(spec: {
  readonly match: RootPattern<C>;
  /** The captured node that a refusal is about; the root, unless said otherwise. */
  readonly about?: string & keyof C;
  rewrite(captures: Flat<C>, op: Builder): Value | Tensor | Refusal | undefined;
}): Rule {
  return {
    root: spec.match.op,
    propose(node, site) {
      const match = new Match();
      if (!spec.match.match(node.outputs[0], match)) return undefined;
      const captures = match.captures() as Flat<C>;
      const about = spec.about === undefined ? node : (captures[spec.about] as Matched<OpName>).node;
      if (match.refusal) return { refusal: match.refusal, about };
      const draft = new Draft({ ...site, match });
      try {
        const result = spec.rewrite(captures, draft.builder);
        if (result && !(result instanceof Refusal)) return { value: draft.lift(result, 'value')!, draft, match };
        draft.discard();
        return result && { refusal: result, about };
      } catch (error) {
        // Tensor arithmetic says so when shapes don't fit; a model may hold any shapes.
        if (!(error instanceof RangeError)) throw error;
        draft.discard();
        return { refusal: new Refusal('E_SHAPE', error.message), about };
      }
    },
  };
}
