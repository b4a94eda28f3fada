import { cloneModel } from '../ir/clone.ts';
import type { Graph } from '../ir/graph.ts';
import type { Model } from '../ir/model.ts';
import { labelOf, Node } from '../ir/node.ts';
import { displayOp, opOf } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { isFloat } from '../tensor/dtype.ts';
import { Tensor } from '../tensor/tensor.ts';
import { numerals } from './words.ts';

/** A model broken on purpose in one place. */
export interface Broken {
  /** Such as `activation-dropped`. */
  readonly kind: string;
  /** The node that was broken. */
  readonly node: string;
  /** What was done to it. */
  readonly what: string;
  readonly model: Model;
}

/** Does its work on a copy: returns what it did, or undefined where there is nothing to do it to. */
type Break = (copy: Model) => Omit<Broken, 'kind' | 'model'> | undefined;

/** What a comparison must see: an activation that is gone, a weight that is off, operands that were exchanged. Each at the first place and at the last. */
const breaks: Readonly<Record<string, Break>> = {
  'activation-dropped': copy => dropActivation(copy, 'first'),
  'last-activation-dropped': copy => dropActivation(copy, 'last'),
  'weight-perturbed': copy => perturbWeight(copy, 'first'),
  'last-weight-perturbed': copy => perturbWeight(copy, 'last'),
  'operands-swapped': swapOperands,
  'inputs-swapped': swapInputs,
};

/** The ways in which a model can be broken so that a comparison should notice; the model itself stays as it is. */
export function* brokenModels(model: Model): Generator<Broken> {
  const seen = new Set<string>();
  for (const [kind, breakIt] of Object.entries(breaks)) {
    const copy = cloneModel(model);
    const done = breakIt(copy);
    // The first place and the last may be one.
    if (!done || seen.has(done.node + done.what)) continue;
    seen.add(done.node + done.what);
    yield { kind, ...done, model: copy };
  }
}

const activations = new Set([
  'Relu',
  'LeakyRelu',
  'PRelu',
  'Clip',
  'Sigmoid',
  'HardSigmoid',
  'HardSwish',
  'Tanh',
  'Elu',
  'Selu',
  'Gelu',
  'Softmax',
  'Max',
]);

type End = 'first' | 'last';

/** A node of the main graph, from one end. */
function find(graph: Graph, end: End, test: (node: Node) => boolean): Node | undefined {
  for (const node of end === 'first' ? graph.nodes() : graph.nodesBackwards()) if (test(node)) return node;
  return undefined;
}

function dropActivation({ graph, opsets }: Model, end: End) {
  const node = find(graph, end, n => n.op.domain === '' && activations.has(n.op.name) && n.inputs[0]?.constant === undefined);
  if (!node) return undefined;
  const identity = new Node(opOf('', 'Identity', '', opsets), [node.inputs[0]], [{ name: node.outputs[0]!.name }], { name: node.name });
  graph.insertBefore(node, identity);
  graph.replaceUses(node.outputs[0]!, identity.outputs[0]!);
  graph.remove(node);
  return { node: labelOf(identity), what: `${displayOp(node.op)} became Identity` };
}

const weighted = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'Add', 'Mul', 'BatchNormalization']);

/** The largest element of a weight becomes twice as large: no rounding does that. */
function perturbWeight({ graph }: Model, end: End) {
  const isWeight = (v: Value | undefined) => v?.constant !== undefined && isFloat(v.constant.dtype) && v.constant.size > 0;
  const node = find(graph, end, n => n.op.domain === '' && weighted.has(n.op.name) && n.inputs.some(isWeight));
  const weight = node?.inputs.find(isWeight);
  if (!node || !weight) return undefined;
  const { dtype, dims } = weight.constant!;
  const values = Float64Array.from(weight.constant!.numbers());
  const at = values.reduce((best, x, i) => (Math.abs(x) > Math.abs(values[best]!) ? i : best), 0);
  const before = values[at]!;
  values[at] = before === 0 ? 1 : 2 * before;
  const changed = graph.addConstant(weight.name, Tensor.of(dtype, dims, values));
  graph.replaceUses(weight, changed);
  graph.constants.delete(weight);
  const [was, is] = numerals(before, values[at]!);
  return { node: labelOf(node), what: `element ${at} of ${weight.name} became ${is}, ${was} before` };
}

const ordered = new Set(['Sub', 'Div', 'Pow', 'Concat']);

function swapOperands({ graph }: Model) {
  const node = find(
    graph,
    'last',
    ({ op, inputs: [a, b] }) => op.domain === '' && ordered.has(op.name) && a !== undefined && b !== undefined && a !== b,
  );
  if (!node) return undefined;
  const [a, b] = node.inputs;
  node.setInput(0, b);
  node.setInput(1, a);
  return { node: labelOf(node), what: `the first two operands of ${displayOp(node.op)} were exchanged` };
}

/** Two inputs of one type change places. */
function swapInputs({ graph }: Model) {
  const key = ({ type }: Value) => (type?.kind === 'tensor' ? JSON.stringify([type.dtype, type.shape?.map(String)]) : undefined);
  const inputs = graph.inputs.filter(v => v.definition.kind === 'input' && !v.definition.fallback);
  for (const [i, a] of inputs.entries()) {
    const b = inputs.slice(i + 1).find(v => key(v) !== undefined && key(v) === key(a));
    if (!b) continue;
    [a.name, b.name] = [b.name, a.name];
    return { node: 'the inputs', what: `'${a.name}' and '${b.name}' were exchanged` };
  }
  return undefined;
}
