import type { Graph } from '../ir/graph.ts';
import { labelOf, type Node } from '../ir/node.ts';
import { displayOp } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { toldBy } from '../rewrite/provenance.ts';
import { sameBits } from '../tensor/fingerprint.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { DiffNode, Findings } from './diff.ts';
import { nodeChanges, structureOf } from './diff-node.ts';
import { changeOfTensor, fingerprint, typeOfTensor } from './diff-weights.ts';

/** Values of B and the values of A that they stand for, of enclosing graphs too. */
export type Twins = Map<Value, Value>;

/** Compares two graphs, those nested in matched nodes too. */
export function diffGraphs(a: Graph, b: Graph, path: string, found: Findings, twins: Twins = new Map()): void {
  matchInputs(a, b, twins);
  matchWeights(a, b, path, found, twins);
  const pairs = matchNodes(a, b, twins);
  const taken = new Set(pairs.values());
  for (const node of a.nodes()) if (!taken.has(node)) remove(node, path, found);
  for (const node of b.nodes()) {
    const twin = pairs.get(node);
    if (!twin) add(node, path, found);
    else diffNodes(twin, node, path, found, twins);
  }
  // The main graph's outputs are its interface: their names are compared there.
  const count = Math.max(a.outputs.length, b.outputs.length);
  for (let i = 0; i < count; i++) {
    const [before, after] = [a.outputs[i], b.outputs[i]];
    const isInterface = path === '' && before?.name !== after?.name;
    if (before && after && (twins.get(after) === before || isInterface)) continue;
    if (path === '' && (!before || !after || isReported(after, before, pairs))) continue;
    found.results.push({ path, what: `result ${i}`, before: before?.name, after: after?.name });
  }
}

/** What of graph B is what of A, as `diffGraphs` sees it: nodes, and values. */
export function matchGraphs(a: Graph, b: Graph): { readonly nodes: ReadonlyMap<Node, Node>; readonly values: Twins } {
  const twins: Twins = new Map();
  matchInputs(a, b, twins);
  const weights = { same: 0, added: [], removed: [], changed: [], renamed: [] };
  matchWeights(a, b, '', { weights, nodes: { ...weights }, results: [] }, twins);
  return { nodes: matchNodes(a, b, twins), values: twins };
}

/** An output that another node computes than before: the list of nodes says so. */
function isReported(after: Value, before: Value, pairs: ReadonlyMap<Node, Node>): boolean {
  const node = after.producer;
  return node !== undefined && before.producer !== undefined && pairs.get(node) !== before.producer;
}

/** Inputs of one name are one; others by their place. */
function matchInputs(a: Graph, b: Graph, twins: Twins): void {
  const byName = new Map(a.inputs.map(v => [v.name, v]));
  const left = new Set(a.inputs);
  const others: Value[] = [];
  for (const value of b.inputs) {
    const twin = byName.get(value.name);
    if (!twin) others.push(value);
    else {
      twins.set(value, twin);
      left.delete(twin);
    }
  }
  for (const value of others) {
    const twin = a.inputs[b.inputs.indexOf(value)];
    if (twin && left.delete(twin)) twins.set(value, twin);
  }
}

function tensorOf({ definition }: Value): Tensor | undefined {
  return definition.kind === 'constant' ? definition.tensor : definition.kind === 'input' ? definition.fallback : undefined;
}

function matchWeights(a: Graph, b: Graph, path: string, found: Findings, twins: Twins): void {
  const weights = (graph: Graph) => [...graph.inputs.filter(tensorOf), ...graph.constants];
  const byName = new Map(weights(a).map(v => [v.name, v]));
  const fresh: Value[] = [];
  for (const after of weights(b)) {
    const before = byName.get(after.name);
    if (!before || !byName.delete(after.name)) {
      fresh.push(after);
      continue;
    }
    twins.set(after, before);
    const [x, y] = [tensorOf(before)!, tensorOf(after)!];
    if (sameBits(x, y)) found.weights.same++;
    else found.weights.changed.push({ name: after.name, path, type: typeOfTensor(x), ...changeOfTensor(x, y) });
  }
  matchRenamed([...byName.values()], fresh, path, found, twins);
  const sparse = new Map([...a.sparse].map(v => [v.name, v]));
  for (const value of b.sparse) if (sparse.has(value.name)) twins.set(value, sparse.get(value.name)!);
}

/** Of weights that only one of the graphs has by name: those with the same elements are the same weight. */
function matchRenamed(gone: readonly Value[], fresh: readonly Value[], path: string, { weights }: Findings, twins: Twins): void {
  const types = new Set(gone.map(v => typeOfTensor(tensorOf(v)!)));
  const wanted = new Set(fresh.map(v => typeOfTensor(tensorOf(v)!)));
  const byContent = new Map<string, Value[]>();
  const left = new Set(gone);
  for (const value of gone) {
    if (!wanted.has(typeOfTensor(tensorOf(value)!))) continue;
    const key = fingerprint(tensorOf(value)!);
    byContent.set(key, [...(byContent.get(key) ?? []), value]);
  }
  for (const value of fresh) {
    const type = typeOfTensor(tensorOf(value)!);
    const before = types.has(type) ? byContent.get(fingerprint(tensorOf(value)!))?.shift() : undefined;
    if (before) {
      twins.set(value, before);
      left.delete(before);
      weights.renamed.push({ path, before: before.name, after: value.name });
    } else weights.added.push({ name: value.name, path, type });
  }
  for (const value of left) weights.removed.push({ name: value.name, path, type: typeOfTensor(tensorOf(value)!) });
}

/**
 * Nodes of B and those of A that they are. Of one operator: by the name of a result; by the node's name, or by that of a node it was made
 * of; by operands and attributes. Then, whatever the operator, by the name of a result.
 */
function matchNodes(a: Graph, b: Graph, twins: Twins): Map<Node, Node> {
  const results = new Map<string, Value>();
  const labels = new Map<string, Node>();
  for (const node of a.nodes()) {
    labels.set(labelOf(node), node);
    for (const value of node.outputs) if (value.name !== '') results.set(value.name, value);
  }
  const namesake = (node: Node) => results.get(node.outputs.find(o => o.name !== '')?.name ?? '')?.producer;
  const pairs = new Map<Node, Node>();
  const taken = new Set<Node>();
  const pair = (node: Node, twin: Node | undefined) => {
    if (!twin || taken.has(twin) || pairs.has(node)) return;
    pairs.set(node, twin);
    taken.add(twin);
  };
  const sameOp = (node: Node, twin: Node | undefined) => (twin && displayOp(twin.op) === displayOp(node.op) ? twin : undefined);
  for (const node of b.nodes()) pair(node, sameOp(node, namesake(node)));
  for (const node of b.nodes()) {
    if (pairs.has(node)) continue;
    for (const label of [labelOf(node), ...(toldBy(node).from?.split(' ') ?? [])]) pair(node, sameOp(node, labels.get(label)));
  }
  const ids = new Map<Value, number>();
  const idOf = (value: Value) => {
    const id = ids.get(value) ?? ids.size;
    ids.set(value, id);
    return id;
  };
  const byStructure = new Map<string, Node[]>();
  for (const node of a.nodes()) {
    if (taken.has(node)) continue;
    const key = structureOf(node, idOf);
    const alike = byStructure.get(key);
    if (alike) alike.push(node);
    else byStructure.set(key, [node]);
  }
  for (const node of b.nodes()) {
    // Equal nodes wait in line, so that many of them take no time.
    if (!pairs.has(node)) pair(node, byStructure.get(structureOf(node, value => idOf(twins.get(value) ?? value)))?.shift());
    for (const [i, value] of node.outputs.entries()) {
      const twin = results.get(value.name) ?? pairs.get(node)?.outputs[i];
      if (twin) twins.set(value, twin);
    }
  }
  for (const node of b.nodes()) pair(node, namesake(node));
  return pairs;
}

function diffNodes(before: Node, after: Node, path: string, found: Findings, twins: Twins): void {
  const changes = nodeChanges(before, after, twins);
  if (changes.length > 0) found.nodes.changed.push({ ...entryOf(after, path), changes });
  else if (labelOf(before) !== labelOf(after) || before.outputs.some((v, i) => v.name !== after.outputs[i]?.name))
    found.nodes.renamed.push({ path, before: fullLabel(before), after: fullLabel(after) });
  else found.nodes.same++;
  for (const [name, attribute] of after.attributes) {
    const old = before.attributes.get(name);
    const at = `${path === '' ? '' : `${path} / `}${labelOf(after)} ${name}`;
    if (attribute.type === 'graph' && old?.type === 'graph') diffGraphs(old.value, attribute.value, at, found, twins);
    if (attribute.type === 'graphs' && old?.type === 'graphs')
      for (const [i, graph] of attribute.value.entries()) if (old.value[i]) diffGraphs(old.value[i], graph, `${at}[${i}]`, found, twins);
  }
}

/** A node's name, and those of its results where they are not the same. */
function fullLabel(node: Node): string {
  const results = node.outputs.map(o => o.name).join(', ');
  return node.name === '' || node.name === results ? results : `${node.name} (${results})`;
}

function remove(node: Node, path: string, found: Findings): void {
  found.nodes.removed.push({ node: labelOf(node), op: displayOp(node.op), path });
}

function add(node: Node, path: string, found: Findings): void {
  found.nodes.added.push(entryOf(node, path));
}

function entryOf(node: Node, path: string): DiffNode {
  return { node: labelOf(node), op: displayOp(node.op), path, ...toldBy(node) };
}
