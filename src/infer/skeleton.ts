import { cloneNode } from '../ir/clone.ts';
import { constantOf } from '../ir/constant.ts';
import { Graph } from '../ir/graph.ts';
import { bareModel, type Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { outerOperands } from '../ir/operands.ts';
import { Value, type ValueType } from '../ir/value.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Tensors up to this many bytes may be shapes and axes, which inference reads; larger ones are weights, of which it needs the type alone. */
const LARGEST_KEPT = 1024;

const isLarge = (tensor: Tensor | undefined): boolean => (tensor?.byteLength ?? 0) > LARGEST_KEPT;
const typeOf = ({ dtype, dims }: Tensor): ValueType => ({ kind: 'tensor', dtype, shape: dims });

/** A model that computes nothing but types, and the values that its outputs stand for. */
export interface Skeleton {
  readonly model: Model;
  readonly values: readonly Value[];
}

/**
 * A model of some nodes, in topological order, without weights: large tensors and what other nodes compute become inputs of their type,
 * and every result becomes an output that has a name only. What ONNX Runtime says of the outputs are the types of the results. A node
 * is left out where the type of something it uses isn't known.
 */
export function skeletonOf(nodes: readonly Node[], model: Model, options: { readonly rename: boolean }): Skeleton {
  const skeleton = new Draft(options.rename);
  for (const node of nodes) skeleton.add(node);
  const { irVersion, opsets, functions } = model;
  return {
    model: bareModel({ irVersion: Math.max(irVersion, 4), opsets, functions, graph: skeleton.graph }),
    values: skeleton.values,
  };
}

class Draft {
  readonly graph = new Graph('types');
  readonly values: Value[] = [];
  readonly #copies = new Map<Value, Value>();
  readonly #rename: boolean;
  #count = 0;

  /** Values of several graphs may have one name: then each gets a new one. */
  constructor(rename: boolean) {
    this.#rename = rename;
  }

  add(node: Node): void {
    for (const operand of outerOperands(node)) if (!this.#copies.has(operand) && !this.#supply(operand)) return;
    // What is known already is supplied where it is used.
    if (node.outputs.length > 0 && node.outputs.every(constantOf)) return;
    const copy = cloneNode(node, this.#copies, this.#rename ? { rename: () => this.#fresh(), renameNode: () => '' } : {});
    for (const inner of copy.subgraphs()) this.#liftLarge(inner);
    this.graph.append(copy);
    for (const [i, value] of copy.outputs.entries()) {
      if (value.name === '') continue;
      value.type = undefined;
      value.origin = undefined;
      this.graph.setOutput(this.values.length, value);
      this.values.push(node.outputs[i]!);
    }
  }

  /** Makes a value of another graph, or of nodes that aren't asked about, known here. Not where its type is unknown. */
  #supply(value: Value): boolean {
    const { definition, inferred } = value;
    const literal = constantOf(value);
    const declared = definition.kind === 'input' ? (value.type ?? (definition.fallback && typeOf(definition.fallback))) : undefined;
    if (definition.kind === 'sparse') {
      // Carried under its name, which is part of what is carried.
      const copy = new Value(definition, value.name, value.type, value.origin);
      this.graph.sparse.add(copy);
      this.#copies.set(value, copy);
    } else if (literal && !isLarge(literal)) this.#copies.set(value, this.graph.addConstant(this.#name(value), literal));
    else {
      const type = literal ? typeOf(literal) : (declared ?? inferred);
      if (!type || type.kind === 'other') return false;
      // What a loop's body declares of its inputs may hold for the first round alone.
      const changes = definition.kind === 'input' && value.owner?.isLoop === true && type.kind === 'tensor';
      this.#input(value, changes ? { ...type, shape: undefined } : type);
    }
    return true;
  }

  #input(value: Value, type: ValueType): void {
    this.#copies.set(value, this.graph.addInput(this.#name(value), type));
  }

  #liftLarge(graph: Graph): void {
    for (const value of [...graph.constants]) {
      if (!isLarge(value.constant)) continue;
      graph.replaceUses(value, this.graph.addInput(this.#fresh(), typeOf(value.constant!)));
      graph.constants.delete(value);
    }
    for (const node of graph.nodes()) {
      for (const inner of node.subgraphs()) this.#liftLarge(inner);
      const literal = constantOf(node.outputs[0]);
      if (!literal || !isLarge(literal)) continue;
      graph.replaceUses(node.outputs[0]!, this.graph.addInput(this.#fresh(), typeOf(literal)));
      graph.remove(node);
    }
  }

  #name(value: Value): string {
    return this.#rename ? this.#fresh() : value.name;
  }
  #fresh(): string {
    return `onnx_funnel_${this.#count++}`;
  }
}
