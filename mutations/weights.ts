import type { Node } from '../src/ir/node.ts';
import type { DType } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { transposed } from './activations.ts';
import { constantAt, mapped, nodesOf, reordered, sliceSize, slicesReordered, withOperand } from './edit.ts';
import type { Form } from './forms.ts';
import { attributesOf, type Change, type Kind, kind, whole } from './kind.ts';

/** A kind that changes the weight of one Conv. */
const weight = (name: string, change: (w: Tensor, conv: Node) => Tensor | undefined, form: Form = 'plain') =>
  kind(name, form, 'Conv', (conv, model) => {
    const w = constantAt(conv, 1);
    const changed = w?.rank === 4 ? change(w, conv) : undefined;
    return changed && (() => withOperand(model, conv, 1, changed));
  });

/** A kind that changes the bias of one layer. */
const bias = (name: string, change: (b: Tensor) => Tensor | undefined) =>
  kind(name, 'folded', ['Conv', 'Gemm'], (layer, model) => {
    const b = constantAt(layer, 2);
    const changed = b && change(b);
    return changed && (() => withOperand(model, layer, 2, changed));
  });

/** A kind that changes the weights of all layers. */
const everywhere = (name: string, change: (w: Tensor) => Tensor) =>
  whole(name, 'model', 'plain', model => () => {
    for (const layer of nodesOf(model, 'Conv', 'Gemm')) {
      const w = constantAt(layer, 1);
      if (w) withOperand(model, layer, 1, change(w));
    }
  });

const through = (w: Tensor, dtype: DType) => w.as(dtype).settle().as(w.dtype).settle();
const isSpatial = (w: Tensor) => w.dims[2]! > 1 && w.dims[2] === w.dims[3];
const largest = (w: Tensor) => Array.from(w.numbers()).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
/** One element, the one that is largest, changed. */
function atLargest(t: Tensor, change: (x: number) => number): Tensor {
  const index = Array.from(t.numbers(), Math.abs).indexOf(largest(t));
  return mapped(t, (x, i) => (i === index ? change(x) : x));
}

/** Rounded to 255 steps of one size, or of one for each output channel. */
function quantised(w: Tensor, perChannel: boolean): Tensor {
  const size = perChannel ? sliceSize(w) : w.size;
  const steps = new Float64Array(w.size / size);
  const values = w.numbers();
  for (let i = 0; i < w.size; i++) steps[Math.floor(i / size)] = Math.max(steps[Math.floor(i / size)]!, Math.abs(values[i]!) / 127);
  return mapped(w, (x, i) => {
    const step = steps[Math.floor(i / size)]!;
    return step === 0 ? 0 : Math.round(x / step) * step;
  });
}

/** Exchanges an operand of two layers where it has the same shape. */
function exchanged(name: string, form: Form, index: number): Kind {
  return kind(name, form, 'Conv', (conv, model): Change => {
    const mine = constantAt(conv, index);
    const other = nodesOf(model, 'Conv').find(n => n !== conv && mine && constantAt(n, index)?.dims.join() === mine.dims.join());
    const theirs = other && constantAt(other, index);
    if (!mine || !theirs) return undefined;
    return () => {
      withOperand(model, conv, index, theirs);
      withOperand(model, other, index, mine);
    };
  });
}

/** Weights and biases: lost, moved, turned, rounded. */
export const weightKinds: readonly Kind[] = [
  weight('kernel-flipped', w => (isSpatial(w) ? reversedKernels(w) : undefined)),
  weight('kernel-transposed', w => (isSpatial(w) ? Tensor.of(w.dtype, w.dims, transposed(w)) : undefined)),
  weight('kernel-shifted', w => (isSpatial(w) ? reordered(w, i => (i + 1) % w.size) : undefined)),
  weight('input-and-output-channels-transposed', w => {
    const n = w.dims[0]!;
    if (n !== w.dims[1] || n === 1) return undefined;
    const pixels = w.dims[2]! * w.dims[3]!;
    return reordered(w, i => {
      const [out, into, pixel] = [Math.floor(i / (n * pixels)), Math.floor(i / pixels) % n, i % pixels];
      return (into * n + out) * pixels + pixel;
    });
  }),
  weight('output-channels-shifted', w => slicesReordered(w, c => (c + 1) % w.dims[0]!)),
  weight('two-output-channels-swapped', w => slicesReordered(w, c => (c === 0 ? 1 : c === 1 ? 0 : c))),
  weight('two-input-channels-swapped', w => {
    const [pixels, inputs] = [w.dims[2]! * w.dims[3]!, w.dims[1]!];
    if (inputs < 2) return undefined;
    return reordered(w, i => {
      const channel = Math.floor(i / pixels) % inputs;
      return channel === 0 ? i + pixels : channel === 1 ? i - pixels : i;
    });
  }),
  weight(
    'groups-permuted',
    (w, conv) => {
      const { group = 1 } = attributesOf(conv, 'Conv');
      const size = w.dims[0]! / group;
      return group > 1 ? slicesReordered(w, c => (c + size) % w.dims[0]!) : undefined;
    },
    'funnel',
  ),
  weight('weight-sign', w => mapped(w, x => -x)),
  weight('weight-off-by-a-percent', w => atLargest(w, x => 1.01 * x)),
  weight('weight-nan', w => mapped(w, (x, i) => (i === 0 ? Number.NaN : x))),
  weight('weight-infinite', w => mapped(w, (x, i) => (i === 0 ? Number.POSITIVE_INFINITY : x))),
  weight('weight-lost', w => atLargest(w, () => 0)),
  weight('channel-zeroed', w => mapped(w, (x, i) => (i < sliceSize(w) ? 0 : x))),
  weight('layer-in-float16', w => through(w, 'float16')),
  weight('layer-in-bfloat16', w => through(w, 'bfloat16')),
  weight('layer-in-int8', w => quantised(w, true)),
  weight('float16-overflow', w => (largest(w) > 65520 ? through(w, 'float16') : undefined), 'framed'),
  weight('float16-saturated', w => (largest(w) > 65520 ? mapped(w, x => Math.max(-65504, Math.min(65504, x))) : undefined), 'framed'),
  everywhere('weights-in-float16', w => through(w, 'float16')),
  everywhere('weights-in-bfloat16', w => through(w, 'bfloat16')),
  everywhere('weights-in-int8', w => quantised(w, true)),
  everywhere('weights-in-int8-by-tensor', w => quantised(w, false)),
  everywhere('weights-in-float8', w => through(w, 'float8e4m3fn')),
  exchanged('weights-of-another-layer', 'plain', 1),
  exchanged('biases-of-another-layer', 'folded', 2),
  bias('layer-bias-lost', b => mapped(b, () => 0)),
  bias('layer-bias-twice', b => mapped(b, x => 2 * x)),
  bias('layer-bias-of-a-neighbour', b => slicesReordered(b, c => (c + 1) % b.dims[0]!)),
  bias('layer-bias-sign', b => mapped(b, x => -x)),
  bias('one-bias-off-by-a-percent', b => atLargest(b, x => 1.01 * x)),
];

function reversedKernels(w: Tensor): Tensor {
  const pixels = w.dims[2]! * w.dims[3]!;
  return reordered(w, i => i - (i % pixels) + (pixels - 1 - (i % pixels)));
}
