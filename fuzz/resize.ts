import type { Attribute } from '../src/ir/attribute.ts';
import { bodies, type Model } from '../src/ir/model.ts';
import type { Dim, Value } from '../src/ir/value.ts';
import { isFloat } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { replaceConstant } from './edits.ts';

/** The sizes above 1 of a network's inputs and weights, largest first. */
export function sizesOf(model: Model): number[] {
  const sizes = new Set<number>();
  for (const { graph } of bodies(model)) {
    for (const v of graph.inputs) for (const d of v.shape ?? []) if (typeof d === 'number' && d > 1) sizes.add(d);
    for (const v of graph.constants) for (const d of v.constant!.dims) if (d > 1 && isFloat(v.constant!.dtype)) sizes.add(d);
  }
  return [...sizes].sort((a, b) => b - a);
}

/** Makes every dimension of one size another: of inputs, weights, shapes that are constants, and attributes. The runtime says whether it fits. */
export function resized(model: Model, from: number, to: number): boolean {
  const dims = (shape: readonly Dim[]) => shape.map(d => (d === from ? to : d));
  for (const { graph } of bodies(model)) {
    for (const value of graph.inputs) retype(value, dims);
    for (const value of [...graph.constants]) {
      const tensor = value.constant!;
      if (isFloat(tensor.dtype)) {
        if (tensor.dims.includes(from)) replaceConstant(value, cropped(tensor, dims(tensor.dims) as number[]));
      } else if (tensor.dtype === 'int64') {
        const values = Array.from(tensor.numbers());
        if (values.includes(from))
          replaceConstant(
            value,
            Tensor.of(
              'int64',
              tensor.dims,
              values.map(x => BigInt(x === from ? to : x)),
            ),
          );
      }
    }
    for (const node of graph.allNodes()) {
      for (const value of node.outputs) retype(value, dims);
      for (const [name, attribute] of node.attributes) {
        const changed = attributeOf(name, attribute, from, to);
        if (changed) (node.attributes as Map<string, Attribute>).set(name, changed);
      }
    }
  }
  return true;
}

function retype(value: Value, dims: (shape: readonly Dim[]) => Dim[]): void {
  if (value.type?.kind === 'tensor' && value.type.shape) value.type = { ...value.type, shape: dims(value.type.shape) };
}

function attributeOf(name: string, attribute: Attribute, from: number, to: number): Attribute | undefined {
  if (attribute.type === 'ints' && (name === 'kernel_shape' || name === 'split'))
    return { ...attribute, value: attribute.value.map(x => (x === BigInt(from) ? BigInt(to) : x)) };
  return attribute.type === 'int' && name === 'group' && attribute.value === BigInt(from) ? { ...attribute, value: BigInt(to) } : undefined;
}

/** The first elements along each axis. */
function cropped(tensor: Tensor, dims: readonly number[]): Tensor {
  const values = tensor.numbers();
  const strides = tensor.dims.map((_, i) => tensor.dims.slice(i + 1).reduce((a, b) => a * b, 1));
  const size = dims.reduce((a, b) => a * b, 1);
  const picked = Array.from({ length: size }, (_, flat) => {
    let [rest, at] = [flat, 0];
    for (let i = dims.length - 1; i >= 0; i--) {
      at += (rest % dims[i]!) * strides[i]!;
      rest = Math.floor(rest / dims[i]!);
    }
    return values[at]!;
  });
  return Tensor.of(tensor.dtype, dims, picked);
}
