import type { Model } from '../src/ir/model.ts';
import type { Value, ValueType } from '../src/ir/value.ts';
import { normal, uniform } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { insert, type Operand, type Plain } from './edit.ts';

/** Width of what comes behind the network; a square, so that a transposed weight fits too. */
const WIDTH = 16;

const float = (...values: readonly number[]) => Tensor.of('float', values.length === 1 ? [] : [1, values.length, 1, 1], values);
const int64 = (...values: readonly number[]) => Tensor.of('int64', [values.length], values);
const type = (dtype: 'float' | 'int64', ...shape: readonly (number | string)[]): ValueType => ({ kind: 'tensor', dtype, shape });

/** Puts what applications put around a network of one image and one output before and behind it. */
export function framed(model: Model): Model {
  before(model);
  behind(model);
  return model;
}

/** Background subtracted, colours mixed and scaled, cropped, smoothed, centred. */
function before(model: Model): void {
  const { graph } = model;
  const image = graph.inputs[0]!;
  const uses = [...image.uses];
  const first = [...graph.nodes()][0];
  const apply = (operator: string, operands: readonly Operand[], attrs: Plain = {}) =>
    insert(model, first, operator, operands, attrs).outputs[0]!;
  const background = graph.addInput('background', image.type);

  const moving = apply('Sub', [image, apply('Mul', [background, float(0.25)])]);
  const same = apply('Cast', [apply('Cast', [moving], { to: 11 })], { to: 1 });
  const [red, green, blue] = insert(model, first, 'Split', [same, int64(1, 1, 1)], { axis: 1 }, 3).outputs;
  const swapped = apply('Concat', [blue, green, red], { axis: 1 });
  // Weights beyond the largest number of float16.
  const mix = Tensor.of(
    'float',
    [3, 3, 1, 1],
    normal('colours', 9).map(x => 1e5 * x),
  );
  const mixed = apply('Mul', [apply('Conv', [swapped, mix], { kernel_shape: [1, 1] }), float(1e-5)]);
  const deviation = apply('Mul', [float(0.229, 0.224, 0.225), float(2, 3, 4)]);
  const scaled = apply('Div', [mixed, deviation]);
  const padded = apply('Pad', [scaled, int64(0, 0, 2, 2, 0, 0, 2, 2), Tensor.of('float', [], [0.1])]);
  const cropped = apply('Slice', [padded, int64(1, 1), int64(-3, -3), int64(2, 3)]);
  const window = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  const largest = apply('MaxPool', [apply('AveragePool', [cropped], window)], window);
  const centred = apply('Sub', [largest, float(0.485, 0.456, 0.406)]);
  for (const use of uses) if (use.kind === 'operand') use.node.setInput(use.index, centred);
}

/** An embedding, which is random in training; probabilities in two groups; the likeliest class. */
function behind(model: Model): void {
  const { graph } = model;
  const apply = (operator: string, operands: readonly Operand[], attrs: Plain = {}) =>
    insert(model, undefined, operator, operands, attrs).outputs[0]!;
  const logits = graph.outputs[0]!;
  const flat = apply('Flatten', [logits], { axis: 1 });
  const times = Math.ceil(WIDTH / widthOf(logits));
  const wide = times > 1 ? apply('Tile', [flat, int64(1, times)]) : flat;
  const top = apply('Slice', [wide, int64(0), int64(WIDTH), int64(1)]);
  const weight = Tensor.of(
    'float',
    [WIDTH, WIDTH],
    normal('embedding', WIDTH * WIDTH).map(x => x / 4),
  );
  const bias = Tensor.of('float', [WIDTH], uniform('embedding bias', WIDTH, -0.5, 0.5));
  const embedding = apply('Gemm', [apply('Dropout', [top, Tensor.of('float', [], [0.5])]), weight, bias], { transB: 1 });
  const groups = apply('Softmax', [apply('Reshape', [embedding, int64(0, 2, 8)])], { axis: 2 });
  const probabilities = apply('Reshape', [apply('Transpose', [groups], { perm: [0, 2, 1] }), int64(0, WIDTH)]);
  const likeliest = apply('ArgMax', [embedding], { axis: 1, keepdims: 0 });
  const give = (value: Value, name: string, declared: ValueType) => {
    value.name = name;
    value.type = declared;
    graph.setOutput(graph.outputs.length, value);
  };
  give(embedding, 'embedding', type('float', 'N', WIDTH));
  give(probabilities, 'probabilities', type('float', 'N', WIDTH));
  give(likeliest, 'likeliest', type('int64', 'N'));
}

/** Numbers that an output has for each image; one that does not say has enough. */
function widthOf({ shape }: Value): number {
  return (shape ?? []).slice(1).reduce((product: number, n) => (typeof n === 'number' ? product * n : WIDTH), 1);
}
