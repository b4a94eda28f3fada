import type { Graph } from '../src/ir/graph.ts';
import { bodies, type FunctionDef, functionKey, type Model } from '../src/ir/model.ts';
import { labelOf, Node } from '../src/ir/node.ts';
import { opOf } from '../src/ir/op.ts';
import type { Value } from '../src/ir/value.ts';
import { operatorAt } from '../src/ops/schema.ts';
import { instantiate } from '../src/rewrite/instantiate.ts';
import { Names } from '../src/rewrite/names.ts';
import { type Pass, type PassReport, type Place, placeOf, type RefusedPlace } from '../src/rewrite/pass.ts';

/** A model whose functions call each other in a circle would never end. */
const DEEPEST = 100;

/**
 * Puts the bodies of model-local functions in the place of their calls, and drops the functions.
 *
 * Names of a body's values become `<result>_<name>`. A function written for another operator set is inlined where its operators are
 * the same version in both.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
 * g (float[2] x) => (float[2] y) {
 *   y = local.Leaky <slope: float = 0.5> (x)
 * }
 * <domain: "local", opset_import: ["" : 17]>
 * Leaky <slope> (X) => (Y) {
 *   T = LeakyRelu <alpha: float = @slope> (X)
 *   Y = Identity (T)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y) {
 *   y_T = LeakyRelu <alpha: float = 0.5> (x)
 *   y = Identity (y_T)
 * }
 * ```
 */
export const inlineFunctions: Pass = {
  name: 'inline-functions',
  effect: 'exact',
  async run(model): Promise<PassReport> {
    const byKey = new Map(model.functions.map(f => [functionKey(f), f]));
    const names = new Names(model);
    const fired: Place[] = [];
    const refused: RefusedPlace[] = [];
    inlineCalls(model.graph, { byKey, names, fired, refused, opsets: model.opsets }, 0);
    dropUncalled(model);
    return { pass: 'inline-functions', fired, refused };
  },
};

interface State {
  readonly byKey: ReadonlyMap<string, FunctionDef>;
  readonly names: Names;
  readonly fired: Place[];
  readonly refused: RefusedPlace[];
  /** The model's imports; a body may bring in domains of its own. */
  readonly opsets: Map<string, number>;
}

function inlineCalls(graph: Graph, state: State, depth: number): void {
  for (const node of graph.nodes()) inlineNode(node, state, depth);
}

function inlineNode(node: Node, state: State, depth: number): void {
  for (const inner of node.subgraphs()) inlineCalls(inner, state, depth);
  const f = state.byKey.get(functionKey(node.op));
  if (!f || !node.graph) return;
  const differing = depth > DEEPEST ? 'functions call each other without end' : differsIn(f, state.opsets);
  if (differing) {
    state.refused.push({ ...placeOf(node), code: 'E_FORM', detail: differing });
    return;
  }
  const graph = node.graph;
  for (const [domain, version] of f.opsets) if (!state.opsets.has(domain)) state.opsets.set(domain, version);
  const prefix = node.outputs[0]?.name || labelOf(node);
  const { nodes, outputs } = instantiate(f, node, name => state.names.fresh(`${prefix}_${name}`));
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
  for (const inner of nodes) inlineNode(inner, state, depth + 1);
}

function identityOf(value: Value, before: Node, state: State): Value {
  const node = new Node(opOf('', 'Identity', '', state.opsets), [value], [{ name: state.names.fresh(`${value.name}_Identity`) }]);
  before.graph!.insertBefore(before, node);
  return node.outputs[0]!;
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

/** Functions without calls go, and so do their domains' imports when nothing else needs them. */
function dropUncalled(model: Model): void {
  const ops = [...bodies(model)].flatMap(({ graph }) => [...graph.allNodes()].map(n => n.op));
  const called = new Set(ops.map(functionKey));
  const needed = new Set(ops.map(op => op.domain));
  for (const f of model.functions.splice(0)) {
    if (called.has(functionKey(f))) model.functions.push(f);
    else if (!needed.has(f.domain)) model.opsets.delete(f.domain);
  }
}
