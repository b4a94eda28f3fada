import { type Attrs, attrsOf } from '../src/ir/attrs.ts';
import type { Model } from '../src/ir/model.ts';
import { labelOf, type Node } from '../src/ir/node.ts';
import type { OpName } from '../src/ops/schema.ts';
import { nodesOf } from './edit.ts';
import type { Form } from './forms.ts';

/** One place where a model can be broken in one way. */
export interface Site {
  readonly where: string;
  /** Breaks the model that the site was found in. */
  readonly apply: () => void;
}

/** What a kind breaks: one place in the graph, all of it, or what the model takes and gives. */
export type Scope = 'node' | 'model' | 'interface';

/** One way to break a rewrite. */
export interface Kind {
  readonly name: string;
  readonly scope: Scope;
  /** The form of the network that it breaks. */
  readonly form: Form;
  sites(model: Model): Site[];
}

/** Breaks a node, or one that it leads to; undefined where this kind can't. */
export type Change = (() => void) | { readonly at: Node; readonly apply: () => void } | undefined;

/** A kind that breaks one node of these operators. */
export function kind(name: string, form: Form, operators: string | readonly string[], change: (node: Node, model: Model) => Change): Kind {
  return {
    name,
    scope: 'node',
    form,
    sites: model =>
      nodesOf(model, ...[operators].flat()).flatMap(node => {
        const found = change(node, model);
        if (!found) return [];
        return typeof found === 'function' ? { where: labelOf(node), apply: found } : { where: labelOf(found.at), apply: found.apply };
      }),
  };
}

/** A kind that finds one place in a model, if any: the whole, its interface, or what is behind an output. */
export function whole(
  name: string,
  scope: Scope,
  form: Form,
  change: (model: Model) => (() => void) | undefined,
  where = (_: Model): string => `the ${scope}`,
): Kind {
  const sites = (model: Model) => {
    const apply = change(model);
    return apply ? [{ where: where(model), apply }] : [];
  };
  return { name, scope, form, sites };
}

/** The attributes of a node of a known operator. */
export const attributesOf = <K extends OpName>(node: Node, operator: K): Attrs<K> => attrsOf(node, operator);
