import type { Graph } from '../ir/graph.ts';
import { type FunctionDef, functionKey, type Model } from '../ir/model.ts';
import { Names } from '../ir/names.ts';
import { labelOf, Node } from '../ir/node.ts';
import { opOf } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { operatorAt } from '../ops/schema.ts';
import { instantiate } from '../rewrite/instantiate.ts';
import { type PassReport, type Place, placeOf, type RefusedPlace } from '../rewrite/pass.ts';
import { provenanceOf } from '../rewrite/provenance.ts';
import { dropUncalled } from './uncalled.ts';

/** Functions that call functions that call functions can make a small file very large. */
const LARGEST = 250_000;

/**
 * Puts functions' bodies in the place of their calls, everywhere in the main graph, but for those to keep; functions without calls go.
 * `pass` is the name under which this is done.
 */
export function inlineAll(model: Model, pass: string, keeps: (f: FunctionDef) => boolean = () => false): PassReport {
  const byKey = new Map(model.functions.filter(f => !keeps(f)).map(f => [functionKey(f), f]));
  const sizes = sizesOf(byKey);
  // All of the calls or none: what a run leaves the next one leaves too.
  let nodes = 0;
  for (const { op } of model.graph.allNodes()) {
    const size = sizes.get(byKey.get(functionKey(op))!) ?? 0;
    if (size < Number.POSITIVE_INFINITY) nodes += size;
  }
  const state: State = { pass, byKey, sizes, nodes, names: new Names(model), fired: [], refused: [], opsets: model.opsets };
  inlineCalls(model.graph, state);
  if (state.fired.length > 0) dropUncalled(model);
  const { fired, refused } = state;
  return { pass, fired, refused };
}

interface State {
  readonly pass: string;
  readonly byKey: ReadonlyMap<string, FunctionDef>;
  /** Nodes that a call of each becomes in the end; infinite where functions call each other in a circle. */
  readonly sizes: ReadonlyMap<FunctionDef, number>;
  /** Nodes that all calls become. */
  readonly nodes: number;
  readonly names: Names;
  readonly fired: Place[];
  readonly refused: RefusedPlace[];
  /** The model's imports; a body may bring in domains of its own. */
  readonly opsets: Map<string, number>;
}

function inlineCalls(graph: Graph, state: State): void {
  // A stack of our own: chains of calls can be long.
  const pending = [...graph.nodes()].reverse();
  for (let node = pending.pop(); node; node = pending.pop()) {
    for (const inner of node.subgraphs()) inlineCalls(inner, state);
    for (const made of inlineNode(node, state).reverse()) pending.push(made);
  }
}

/** Inlines a node that is a call, and returns the nodes that take its place. */
function inlineNode(node: Node, state: State): Node[] {
  const f = state.byKey.get(functionKey(node.op));
  if (!f || !node.graph) return [];
  const problem =
    state.sizes.get(f) === Number.POSITIVE_INFINITY ? 'the functions call each other in a circle' : differsIn(f, state.opsets);
  const large = state.nodes > LARGEST ? `the calls would become ${state.nodes} nodes` : undefined;
  if (problem ?? large) {
    state.refused.push({ ...placeOf(node), code: problem ? 'E_FORM' : 'E_SIZE', detail: (problem ?? large)! });
    return [];
  }
  const graph = node.graph;
  for (const [domain, version] of f.opsets) if (!state.opsets.has(domain)) state.opsets.set(domain, version);
  const label = node.outputs[0]?.name || labelOf(node);
  const metadata = provenanceOf(state.pass, [node]);
  const { nodes, outputs } = instantiate(f, { inputs: node.inputs, attributes: node.attributes, label, metadata }, state.names);
  for (const inner of nodes) graph.insertBefore(node, inner);
  const own = new Set(nodes.flatMap(n => n.outputs));
  for (const [i, old] of node.outputs.entries()) {
    const by = outputs[i];
    if (!by) continue;
    // A body that passes an input on, or one result twice, has nothing to carry the name: Identity does.
    const carrier = own.delete(by) ? by : identityOf(by, node, state);
    carrier.type = old.type ?? carrier.type;
    carrier.inferred ??= old.inferred;
    carrier.name = old.name || carrier.name;
    carrier.origin = old.origin;
    graph.replaceUses(old, carrier);
  }
  state.fired.push(placeOf(node));
  graph.remove(node);
  return nodes;
}

function identityOf(value: Value, before: Node, state: State): Value {
  const node = new Node(opOf('', 'Identity', '', state.opsets), [value], [{ name: state.names.fresh(`${value.name}_Identity`) }]);
  before.graph!.insertBefore(before, node);
  return node.outputs[0]!;
}

/** How many nodes a call of each function becomes, when the calls in its body are inlined as well. */
function sizesOf(byKey: ReadonlyMap<string, FunctionDef>): Map<FunctionDef, number> {
  const sizes = new Map<FunctionDef, number>();
  for (const start of byKey.values()) {
    const path = sizes.has(start) ? [] : [{ f: start, calls: calledIn(start, byKey) }];
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const { f, calls } = top;
      const unknown = calls.find(called => called && !sizes.has(called));
      // Until its own size is known a function is infinite, so that a circle is.
      if (unknown) path.push({ f: unknown, calls: calledIn(unknown, byKey) });
      else path.pop();
      sizes.set(f, unknown ? Number.POSITIVE_INFINITY : calls.reduce((sum, called) => sum + ((called && sizes.get(called)) ?? 1), 0));
    }
  }
  return sizes;
}

/** The function that each node of the body calls; undefined for other nodes. */
function calledIn(f: FunctionDef, byKey: ReadonlyMap<string, FunctionDef>): (FunctionDef | undefined)[] {
  return [...f.body.allNodes()].map(({ op }) => byKey.get(functionKey(op)));
}

/** What stands against reading the body under the model's operator sets. */
function differsIn(f: FunctionDef, opsets: ReadonlyMap<string, number>): string | undefined {
  for (const node of f.body.allNodes()) {
    const { domain, name, version } = node.op;
    const here = opsets.get(domain);
    const theirs = f.opsets.get(domain);
    if (here === theirs && here !== undefined) continue;
    if (here === undefined) continue;
    if (version !== undefined && operatorAt(domain, name, here)?.since === version) continue;
    return `${f.name} is written for operator set ${theirs} of '${domain}', the model imports ${here}, and ${name} differs`;
  }
  return undefined;
}
