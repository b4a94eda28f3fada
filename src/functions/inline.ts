import type { Graph } from '../ir/graph.ts';
import { type FunctionDef, functionKey, type Model } from '../ir/model.ts';
import { labelOf, Node } from '../ir/node.ts';
import { opOf } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { operatorAt } from '../ops/schema.ts';
import { instantiate } from '../rewrite/instantiate.ts';
import { Names } from '../rewrite/names.ts';
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
  const endless = new Set([...byKey.values()].filter(f => reaches(f, f, byKey, new Set())));
  const state: State = { pass, byKey, endless, names: new Names(model), fired: [], refused: [], nodes: 0, opsets: model.opsets };
  inlineCalls(model.graph, state);
  if (state.fired.length > 0) dropUncalled(model);
  return state;
}

interface State {
  readonly pass: string;
  readonly byKey: ReadonlyMap<string, FunctionDef>;
  /** Functions that call themselves, by themselves or by others. */
  readonly endless: ReadonlySet<FunctionDef>;
  readonly names: Names;
  readonly fired: Place[];
  readonly refused: RefusedPlace[];
  /** Inlined so far. */
  nodes: number;
  /** The model's imports; a body may bring in domains of its own. */
  readonly opsets: Map<string, number>;
}

function inlineCalls(graph: Graph, state: State): void {
  for (const node of graph.nodes()) inlineNode(node, state);
}

function inlineNode(node: Node, state: State): void {
  for (const inner of node.subgraphs()) inlineCalls(inner, state);
  const f = state.byKey.get(functionKey(node.op));
  if (!f || !node.graph) return;
  const problem = state.endless.has(f) ? 'the functions call each other in a circle' : differsIn(f, state.opsets);
  const large = state.nodes > LARGEST ? `inlined so far: ${state.nodes} nodes` : undefined;
  if (problem ?? large) {
    state.refused.push({ ...placeOf(node), code: problem ? 'E_FORM' : 'E_BUDGET', detail: (problem ?? large)! });
    return;
  }
  const graph = node.graph;
  for (const [domain, version] of f.opsets) if (!state.opsets.has(domain)) state.opsets.set(domain, version);
  const label = node.outputs[0]?.name || labelOf(node);
  const metadata = provenanceOf(state.pass, [node]);
  const { nodes, outputs } = instantiate(f, { inputs: node.inputs, attributes: node.attributes, label, metadata }, state.names);
  for (const inner of nodes) graph.insertBefore(node, inner);
  state.nodes += nodes.length;
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
  for (const inner of nodes) inlineNode(inner, state);
}

function identityOf(value: Value, before: Node, state: State): Value {
  const node = new Node(opOf('', 'Identity', '', state.opsets), [value], [{ name: state.names.fresh(`${value.name}_Identity`) }]);
  before.graph!.insertBefore(before, node);
  return node.outputs[0]!;
}

/** Whether a function's body leads to a call of `to`. */
function reaches(f: FunctionDef, to: FunctionDef, byKey: ReadonlyMap<string, FunctionDef>, seen: Set<FunctionDef>): boolean {
  for (const { op } of f.body.allNodes()) {
    const called = byKey.get(functionKey(op));
    if (!called || seen.has(called)) continue;
    if (called === to) return true;
    seen.add(called);
    if (reaches(called, to, byKey, seen)) return true;
  }
  return false;
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
