import type { Model } from '../src/ir/model.ts';
import type { TensorType, Value } from '../src/ir/value.ts';
import { codeOfDtype, type DType } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { become, insert, withOperand, wrapOutput } from './edit.ts';
import { type Kind, kind, whole } from './kind.ts';

const outputTypeOf = ({ graph }: Model, index: number) => graph.outputs[index]!.type as TensorType;
const indexOf = ({ graph }: Model, name: string) => graph.outputs.findIndex(o => o.name === name);

const first = () => 0;
const embedding = (model: Model) => indexOf(model, 'embedding');

/** A kind that does something to what becomes an output. */
const behind = (name: string, find: (model: Model) => number, change: (model: Model, index: number) => void) =>
  whole(
    name,
    'node',
    'framed',
    model => () => change(model, find(model)),
    model => model.graph.outputs[find(model)]!.name,
  );

/** Another element type for an output. */
const retyped = (name: string, output: string, dtype: DType) =>
  whole(name, 'interface', 'framed', model => () => {
    const index = indexOf(model, output);
    wrapOutput(model, index, 'Cast', [], { to: codeOfDtype(dtype) }, { ...outputTypeOf(model, index), dtype });
  });

/** Gives every use of an input to another value. */
function rewired(model: Model, index: number, make: () => ReturnType<typeof insert>): void {
  const input = model.graph.inputs[index]!;
  const uses = [...input.uses];
  const [value] = make().outputs;
  for (const use of uses) if (use.kind === 'operand') use.node.setInput(use.index, value);
}

const firstOf = (model: Model) => [...model.graph.nodes()][0];

/** Inputs and outputs: missing, additional, of other names, types and shapes. */
export const edgeKinds: readonly Kind[] = [
  whole('output-missing', 'interface', 'framed', model => () => {
    // A graph has no way to lose an output.
    (model.graph.outputs as Value[]).pop();
  }),
  whole('output-added', 'interface', 'framed', model => () => {
    const [logits] = model.graph.outputs;
    const [more] = insert(model, undefined, 'Relu', [logits]).outputs;
    more!.type = logits!.type;
    model.graph.setOutput(model.graph.outputs.length, more!);
  }),
  whole('output-renamed', 'interface', 'framed', model => () => {
    model.graph.outputs[0]!.name += '_1';
  }),
  whole('outputs-exchanged', 'interface', 'framed', model => () => {
    const [a, b] = ['embedding', 'probabilities'].map(name => model.graph.outputs[indexOf(model, name)]!) as [never, never];
    exchangeNames(a, b);
  }),
  retyped('output-in-float16', 'embedding', 'float16'),
  retyped('output-in-double', 'embedding', 'double'),
  retyped('output-in-int32', 'likeliest', 'int32'),
  behind('output-rounded', first, model => {
    const { type } = model.graph.outputs[0]!;
    for (const dtype of ['float16', 'float'] as const) wrapOutput(model, 0, 'Cast', [], { to: codeOfDtype(dtype) }, type);
  }),
  behind('output-transposed', embedding, (model, index) => {
    wrapOutput(model, index, 'Transpose', [], { perm: [1, 0] }, { kind: 'tensor', dtype: 'float', shape: [undefined, undefined] });
  }),
  behind('output-with-another-axis', embedding, (model, index) => {
    wrapOutput(model, index, 'Unsqueeze', [Tensor.of('int64', [1], [1])], {}, { kind: 'tensor', dtype: 'float', shape: undefined });
  }),
  behind('output-of-another-sample', embedding, (model, index) => {
    const [starts, ends, axes, steps] = [-1, -(2 ** 31), 0, -1].map(x => Tensor.of('int64', [1], [x]));
    wrapOutput(model, index, 'Slice', [starts, ends, axes, steps], {}, outputTypeOf(model, index));
  }),
  whole('inputs-exchanged', 'interface', 'framed', model => () => {
    const [image, background] = model.graph.inputs;
    exchangeNames(image!, background!);
  }),
  whole('input-missing', 'interface', 'framed', model => () => {
    rewired(model, 1, () => insert(model, firstOf(model), 'Sub', [model.graph.inputs[0], model.graph.inputs[0]]));
    model.graph.inputs.splice(1, 1);
  }),
  whole('input-in-float16', 'interface', 'framed', model => () => {
    const [image] = model.graph.inputs;
    rewired(model, 0, () => insert(model, firstOf(model), 'Cast', [image], { to: codeOfDtype('float') }));
    image!.type = { ...(image!.type as TensorType), dtype: 'float16' };
  }),
  whole('input-in-double', 'interface', 'framed', model => () => {
    const [image] = model.graph.inputs;
    rewired(model, 0, () => insert(model, firstOf(model), 'Cast', [image], { to: codeOfDtype('float') }));
    image!.type = { ...(image!.type as TensorType), dtype: 'double' };
  }),
  whole('batch-fixed', 'interface', 'plain', model => {
    const [image] = model.graph.inputs;
    const { shape, ...type } = image!.type as TensorType;
    if (typeof shape?.[0] === 'number') return undefined;
    return () => {
      image!.type = { ...type, shape: [1, ...(shape ?? []).slice(1)] };
    };
  }),
  kind('batch-in-a-reshape', 'plain', 'Flatten', (node, model) => {
    const [image] = model.graph.inputs;
    if (typeof (image!.type as TensorType).shape?.[0] === 'number') return undefined;
    return () => become(model, node, 'Reshape', [node.inputs[0], Tensor.of('int64', [2], [1, -1])]);
  }),
  whole('input-ignored', 'node', 'framed', model => () => {
    const [image] = model.graph.inputs;
    rewired(model, 0, () => insert(model, firstOf(model), 'Sub', [image, image]));
  }),
  kind('gemm-bias-lost', 'framed', 'Gemm', (node, model) => () => withOperand(model, node, 2, undefined)),
];

function exchangeNames(a: { name: string }, b: { name: string }): void {
  [a.name, b.name] = [b.name, a.name];
}
