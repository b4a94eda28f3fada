import { sizeOf } from '../tensor/broadcast.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Layer, LayerOp } from './layers.ts';

/**
 * A layer's weights as a matrix of outputs × inputs for each group and tap: w under a shape [groups, outputs, inputs, taps], or with
 * inputs before outputs.
 */
export class LayerMatrix {
  /** Of all groups together. */
  readonly outputs: number;
  readonly inputs: number;
  /** How many products are summed for an output. */
  readonly fanIn: number;
  readonly #outputsFirst: boolean;
  readonly #dims: readonly [number, number, number, number];

  constructor({ w, layer: { node, attrs } }: Pick<Layer, 'w' | 'layer'>) {
    const { group = 1, transB = 0 } = attrs as { group?: number; transB?: number };
    const name = node.op.name as LayerOp;
    this.#outputsFirst = name === 'Conv' || name === 'BatchNormalization' || (name === 'Gemm' && transB !== 0);
    const [first = 1, second = 1] = w.dims;
    const taps = sizeOf(w.dims.slice(2));
    this.#dims = [group, first / group, second, taps];
    [this.outputs, this.inputs] = this.#outputsFirst ? [first, second * group] : [second * group, first];
    this.fanIn = (this.inputs / group) * taps;
  }

  /** A tensor of w's elements under the matrix's shape. */
  of(w: Tensor): Tensor {
    return w.reshape(this.#dims);
  }
  /** A vector over the output channels, laid along them; a single number stays one. */
  alongOutputs(v: Tensor): Tensor {
    return this.#along(v, this.#outputsFirst ? 1 : 2);
  }
  alongInputs(v: Tensor): Tensor {
    return this.#along(v, this.#outputsFirst ? 2 : 1);
  }
  #along(v: Tensor, axis: 1 | 2): Tensor {
    const [groups, first, second] = this.#dims;
    return v.rank === 0 ? v : v.reshape(axis === 1 ? [groups, first, 1, 1] : [groups, 1, second, 1]);
  }

  /** Sums of a tensor under the matrix's shape over inputs and taps: a vector over the output channels. */
  sums(matrix: Tensor, of: (x: number) => number = x => x): Tensor {
    const [groups, first, second, taps] = this.#dims;
    const values = matrix.numbers();
    const sums = new Float64Array(this.outputs);
    for (let g = 0, at = 0; g < groups; g++) {
      for (let i = 0; i < first; i++) {
        for (let j = 0; j < second; j++) {
          let sum = 0;
          for (const end = at + taps; at < end; at++) sum += of(values[at]!);
          sums[this.#outputsFirst ? g * first + i : g * second + j]! += sum;
        }
      }
    }
    return Tensor.exact(matrix.dtype, [this.outputs], sums);
  }
}
