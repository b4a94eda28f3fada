import { Tensor } from '../src/tensor/tensor.ts';
import { become, bypass, constantAt, insert, sliceSize, withAttributes, withOperand } from './edit.ts';
import { attributesOf, type Kind, kind } from './kind.ts';

const shapeOf = (dims: readonly number[] | undefined) => (dims ?? []).slice(2);

/** Windows of convolutions and pools: padding, strides, dilations, rounding, what the border counts for. */
export const windowKinds: readonly Kind[] = [
  kind('padding-on-one-side', 'plain', 'Conv', (node, model) => {
    const { pads } = attributesOf(node, 'Conv');
    if (!pads?.length || pads.every(p => p === 0)) return undefined;
    const half = pads.length / 2;
    return () => withAttributes(model, node, { pads: pads.map((p, i) => (i < half ? 0 : p + pads[i - half]!)) });
  }),
  kind('padding-lost', 'plain', 'Conv', (node, model) => {
    const { pads } = attributesOf(node, 'Conv');
    return pads?.some(p => p > 0) ? () => withAttributes(model, node, { pads: pads.map(() => 0) }) : undefined;
  }),
  kind('padding-same', 'plain', 'Conv', (node, model) => {
    const { pads, strides } = attributesOf(node, 'Conv');
    const isStrided = strides?.some(s => s > 1) && pads?.some(p => p > 0);
    return isStrided ? () => withAttributes(model, node, { pads: undefined, auto_pad: 'SAME_UPPER' }) : undefined;
  }),
  kind('stride-wrong', 'plain', 'Conv', (node, model) => {
    const { strides } = attributesOf(node, 'Conv');
    return strides?.some(s => s > 1) ? () => withAttributes(model, node, { strides: [1, 1] }) : undefined;
  }),
  kind('dilated', 'plain', 'Conv', (node, model) => {
    const [height, width] = shapeOf(constantAt(node, 1)?.dims);
    const { pads } = attributesOf(node, 'Conv');
    if (height !== 3 || width !== 3 || pads?.join() !== '1,1,1,1') return undefined;
    return () => withAttributes(model, node, { dilations: [2, 2], pads: [2, 2, 2, 2] });
  }),
  kind('groups-lost', 'funnel', 'Conv', (node, model) => {
    const w = constantAt(node, 1);
    const { group = 1 } = attributesOf(node, 'Conv');
    if (!w || group === 1) return undefined;
    // Each output sees the inputs of the first group.
    return () => {
      const [outputs, inputs] = [w.dims[0]!, w.dims[1]! * group];
      const [size, pixels] = [sliceSize(w), w.dims[2]! * w.dims[3]!];
      const values = new Float64Array(outputs * inputs * pixels);
      const own = w.numbers();
      for (let o = 0; o < outputs; o++) for (let i = 0; i < size; i++) values[o * inputs * pixels + i] = own[o * size + i]!;
      const other = withOperand(model, node, 1, Tensor.of(w.dtype, [outputs, inputs, ...w.dims.slice(2)], values));
      withAttributes(model, other, { group: 1 });
    };
  }),
  kind('constant-folded-through-padding', 'framed', 'Sub', (node, model) => {
    const mean = constantAt(node, 1)?.numbers();
    const users = [...node.outputs[0]!.uses].flatMap(use => (use.kind === 'operand' && use.node.op.name === 'Conv' ? [use.node] : []));
    const [conv] = users;
    const w = conv && constantAt(conv, 1);
    const padded = conv && attributesOf(conv, 'Conv').pads?.some(p => p > 0);
    if (!mean || !w || !padded || users.length !== node.outputs[0]!.uses.size || w.dims[1] !== mean.length) return undefined;
    return () => {
      const [size, pixels, values] = [sliceSize(w), w.dims[2]! * w.dims[3]!, w.numbers()];
      const before = constantAt(conv, 2)?.numbers();
      const shift = Float64Array.from({ length: w.dims[0]! }, (_, o) => {
        let sum = before?.[o] ?? 0;
        for (let i = 0; i < size; i++) sum -= values[o * size + i]! * mean[Math.floor(i / pixels)]!;
        return sum;
      });
      withOperand(model, conv, 2, Tensor.of(w.dtype, [w.dims[0]!], shift));
      bypass(model, node, node.inputs[0]!);
    };
  }),
  kind('pool-border-of-zeros', 'framed', 'MaxPool', (node, model) => {
    const { pads, kernel_shape, strides } = attributesOf(node, 'MaxPool');
    if (!pads?.some(p => p > 0)) return undefined;
    const [top, left, bottom, right] = pads as [number, number, number, number];
    return () => {
      const around = Tensor.of('int64', [8], [0, 0, top, left, 0, 0, bottom, right]);
      const [padded] = insert(model, node, 'Pad', [node.inputs[0], around]).outputs;
      become(model, node, 'MaxPool', [padded], { kernel_shape, strides });
    };
  }),
  kind('maximum-becomes-average', 'framed', 'MaxPool', (node, model) => {
    const { pads, kernel_shape, strides, ceil_mode } = attributesOf(node, 'MaxPool');
    return () => become(model, node, 'AveragePool', node.inputs, { pads, kernel_shape, strides, ...(ceil_mode ? { ceil_mode } : {}) });
  }),
  kind('average-becomes-maximum', 'framed', 'AveragePool', (node, model) => {
    const { pads, kernel_shape, strides } = attributesOf(node, 'AveragePool');
    return () => become(model, node, 'MaxPool', node.inputs, { pads, kernel_shape, strides });
  }),
  kind('border-counts', 'framed', 'AveragePool', (node, model) => {
    const { pads, count_include_pad: counts = 0 } = attributesOf(node, 'AveragePool');
    return pads?.some(p => p > 0) ? () => withAttributes(model, node, { count_include_pad: 1 - counts }) : undefined;
  }),
  kind('pool-rounds-up', 'plain', 'MaxPool', (node, model) => {
    const { ceil_mode: up = 0, strides } = attributesOf(node, 'MaxPool');
    return strides?.some(s => s > 1) ? () => withAttributes(model, node, { ceil_mode: 1 - up }) : undefined;
  }),
  kind('pool-window-wrong', 'framed', ['MaxPool', 'AveragePool'], (node, model) => {
    const { pads, kernel_shape } = attributesOf(node, 'MaxPool');
    if (!pads || pads.every(p => p === 0) || kernel_shape.some(k => k !== 3)) return undefined;
    return () => withAttributes(model, node, { kernel_shape: [5, 5], pads: pads.map(p => p + 1) });
  }),
  kind('pool-dropped', 'framed', ['MaxPool', 'AveragePool'], (node, model) => {
    const { strides } = attributesOf(node, 'MaxPool');
    return strides?.some(s => s > 1) ? undefined : () => bypass(model, node, node.inputs[0]!);
  }),
  kind('global-average-becomes-maximum', 'plain', ['GlobalAveragePool', 'ReduceMean'], (node, model) => () => {
    if (node.op.name === 'GlobalAveragePool') become(model, node, 'GlobalMaxPool', node.inputs);
    else become(model, node, 'ReduceMax', node.inputs, Object.fromEntries(Object.entries(attributesOf(node, 'ReduceMean'))));
  }),
  kind('padding-value-wrong', 'framed', 'Pad', (node, model) => () => withOperand(model, node, 2, Tensor.of('float', [], [0]))),
  kind('padding-mode-wrong', 'framed', 'Pad', (node, model) => () => withAttributes(model, node, { mode: 'edge' })),
  kind(
    'padding-off-by-one',
    'framed',
    'Pad',
    (node, model) => () => withOperand(model, node, 1, Tensor.of('int64', [8], [0, 0, 1, 2, 0, 0, 3, 2])),
  ),
];
