import { cloneNode } from '../ir/clone.ts';
import { constantOf } from '../ir/constant.ts';
import { constantValue, type Graph } from '../ir/graph.ts';
import { bodies, initializersAreInputs, type Model } from '../ir/model.ts';
import { Names } from '../ir/names.ts';
import { Node } from '../ir/node.ts';
import { opOf, schemaOf } from '../ir/op.ts';
import { Value } from '../ir/value.ts';
import { type PassReport, type Place, placeOf, type RefusedPlace } from '../rewrite/pass.ts';
import { Refusal } from '../rewrite/refusal.ts';
import { NameCounts } from './name-counts.ts';

/** Puts the chosen branch in the place of every If with a constant condition, everywhere in a model. */
export function inlineBranches(model: Model): Pick<PassReport, 'fired' | 'refused'> {
  const names = new Names(model);
  const counts = new NameCounts(model);
  const fired: Place[] = [];
  const refused: RefusedPlace[] = [];
  for (const { graph, opsets, function: f } of bodies(model)) {
    const inliner = new Inliner(model, { names, counts, opsets, body: f && graph });
    const visit = (node: Node): void => {
      const place = placeOf(node);
      const result = inliner.inline(node);
      if (result instanceof Refusal) refused.push({ ...place, code: result.code, detail: result.detail });
      if (Array.isArray(result)) fired.push(place);
      const next = Array.isArray(result) ? result : [...node.subgraphs()].flatMap(inner => [...inner.nodes()]);
      for (const inner of next) visit(inner);
    };
    for (const node of graph.nodes()) visit(node);
  }
  return { fired, refused };
}

/** The branch that an If takes, where that is known. */
function choiceOf(node: Node): { readonly taken: Graph; readonly dropped: Graph } | Refusal | undefined {
  if (node.op.name !== 'If' || node.op.domain !== '' || node.outputs.every(o => o.uses.size === 0)) return undefined;
  const [condition] = node.inputs;
  if (condition?.definition.kind === 'input' && condition.definition.fallback)
    return new Refusal('E_OVERRIDABLE', `${condition.name} is an initializer that the caller can override`);
  const known = constantOf(condition);
  if (known?.dtype !== 'bool' || known.size !== 1) return undefined;
  const [yes, no] = [node.attributes.get('then_branch'), node.attributes.get('else_branch')];
  if (yes?.type === 'reference' || no?.type === 'reference') return new Refusal('E_REFERENCE');
  if (yes?.type !== 'graph' || no?.type !== 'graph') return undefined;
  if ([yes, no].some(branch => branch.value.outputs.length !== node.outputs.length)) return undefined;
  return known.numbers()[0] ? { taken: yes.value, dropped: no.value } : { taken: no.value, dropped: yes.value };
}

interface Scope {
  readonly names: Names;
  readonly counts: NameCounts;
  readonly opsets: Map<string, number>;
  /** The body of the function at work, which can't have initializers. */
  readonly body: Graph | undefined;
}

class Inliner {
  readonly #model: Model;
  readonly #scope: Scope;

  constructor(model: Model, scope: Scope) {
    this.#model = model;
    this.#scope = scope;
  }

  /** The nodes that took an If's place, or why not. */
  inline(node: Node): Node[] | Refusal | undefined {
    const choice = choiceOf(node);
    if (!choice || choice instanceof Refusal) return choice;
    const { taken, dropped } = choice;
    const problem = this.#problem(node, taken);
    if (problem) return problem;
    const { counts, names } = this.#scope;
    counts.subtract(dropped);
    const values = new Map<Value, Value>();
    const rename = (name: string) => (counts.isAlone(name) ? name : counts.replace(name, names.fresh(name)));
    const renameNode = (name: string) => (name === '' || counts.isAloneNode(name) ? name : counts.replaceNode(name, names.freshNode(name)));
    const moved: Node[] = [];
    const put = (copy: Node) => {
      node.graph!.insertBefore(node, copy);
      moved.push(copy);
    };
    for (const value of taken.constants) this.#moveConstant(value, rename(value.name), node.graph!, values, put);
    for (const value of taken.sparse) {
      const copy = new Value(value.definition, value.name, value.type, value.origin);
      copy.owner = node.graph;
      node.graph!.sparse.add(copy);
      values.set(value, copy);
    }
    for (const inner of taken.nodes()) put(cloneNode(inner, values, { rename, renameNode }));
    const free = new Set(moved.flatMap(n => n.outputs));
    // A function's values have no types: it may be called with any.
    if (node.graph === this.#scope.body) for (const value of free) value.type = undefined;
    for (const [i, old] of node.outputs.entries()) {
      const by = values.get(taken.outputs[i]!) ?? taken.outputs[i]!;
      if (old.uses.size > 0) this.#handOver(old, by, free, put);
    }
    node.graph!.sweepFrom(node);
    return moved;
  }

  #moveConstant(value: Value, name: string, graph: Graph, values: Map<Value, Value>, put: (node: Node) => void): void {
    const tensor = value.constant!;
    if (graph === this.#scope.body) {
      const attributes = new Map([['value', { type: 'tensor', value: tensor } as const]]);
      const node = new Node(opOf('', 'Constant', '', this.#scope.opsets), [], [{ name }], { attributes });
      put(node);
      values.set(value, node.outputs[0]!);
      return;
    }
    const copy = constantValue(name, tensor);
    copy.origin = value.origin;
    // Before IR version 4 an initializer is an input of its graph too, and a nested graph's inputs are not ours to change.
    (initializersAreInputs(this.#model.irVersion) ? this.#model.graph : graph).adopt(copy);
    values.set(value, copy);
  }

  /** Lets `by` stand for a result of the If. What can't take the name of an output (outer values, constants) gets an Identity that does. */
  #handOver(old: Value, by: Value, free: Set<Value>, put: (node: Node) => void): void {
    const isOutput = [...old.uses].some(use => use.kind === 'output');
    const isOwn = free.delete(by);
    let carrier = by;
    if (!isOwn && isOutput) {
      const identity = new Node(opOf('', 'Identity', '', this.#scope.opsets), [by], [{ name: old.name }]);
      put(identity);
      carrier = identity.outputs[0]!;
    }
    if (isOwn) carrier.name = old.name;
    if (isOutput) {
      carrier.type = old.type ?? carrier.type;
      carrier.origin = old.origin;
    }
    carrier.inferred ??= old.inferred;
    old.owner!.replaceUses(old, carrier);
  }

  /** What stands in the way of moving a branch's contents. */
  #problem(node: Node, taken: Graph): Refusal | undefined {
    const { counts, opsets, body } = this.#scope;
    if ([...taken.sparse].some(v => node.graph === body || !counts.isAlone(v.name) || initializersAreInputs(this.#model.irVersion)))
      return new Refusal('E_SUBGRAPH', 'the branch has a sparse initializer that can not be moved out of it');
    const carries = schemaOf(opOf('', 'Identity', '', opsets))?.since ?? 0;
    const other = taken.outputs.find(({ type }) => type !== undefined && type.kind !== 'tensor');
    if (other && carries < 16) return new Refusal('E_INTERFACE', `${other.name} is no tensor, and Identity takes tensors only`);
    return undefined;
  }
}
