import { type Attrs, attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Evaluation, Maximum } from './evaluate.ts';
import { samePads } from './frelu.ts';
import { isTap } from './linear.ts';
import { isNoOp } from './view.ts';

/** A Conv as a linear map of the leaf: depthwise, stride 1, an odd window, zeros around the image that keep its size. */
export function depthwise(conv: Node, at: Evaluation): Maximum | undefined {
  const attrs = attrsOf(conv, 'Conv');
  const weight = at.parameter(conv.inputs[1]);
  if (!weight) return at.reject('the weight of the convolution is not known');
  const problem = windowProblem(weight.dims, attrs);
  if (problem !== undefined) return at.reject(problem);
  const [channels = 0, , ...window] = weight.dims;
  const padded = paddedData(conv, at, window.length);
  if (!padded) return undefined;
  const misfit = padProblem(weight.dims, attrs, padded.pads);
  if (misfit !== undefined) return at.reject(misfit);
  const dilations = dilationsOf(window, attrs);
  const data = at.evaluate(padded.data);
  if (!data) return at.reject(`the convolution is over another value, ${padded.data.name}`);
  if (data.last || data.maps.length !== 1 || !isTap(data.maps[0]!, 1)) return at.reject('the convolution is not over x itself');
  const known = padded.data.shape?.[1];
  if (typeof known === 'number' && known !== channels) return at.reject(`the weight has ${channels} channels, x ${known}`);
  at.convolutions++;
  at.channels = channels;
  at.image ??= padded.data;
  const bias = conv.inputs[2] && at.parameter(conv.inputs[2]);
  return { maps: [{ weight, bias: bias ?? Tensor.fill(weight.dtype, [channels], 0), dilations }], last: false };
}

type Geometry = Attrs<'Conv'>;

/** What keeps a convolution with a weight of this shape from comparing each pixel with a window around it. */
export function windowProblem(dims: readonly number[], { group, strides }: Geometry): string | undefined {
  const [channels, perGroup, ...window] = dims;
  if (dims.length < 3 || dims.length > 5) return `the convolution's weight has rank ${dims.length}`;
  if (group !== channels || perGroup !== 1) return `the convolution is not depthwise: group ${group}, weight [${dims}]`;
  if (strides?.some(s => s !== 1)) return `the stride is [${strides}]`;
  return window.some(k => k % 2 === 0) ? `the window [${window}] has no centre` : undefined;
}

/** What keeps its result from having the size of its data, which has so many zeros around it already. */
export function padProblem([, , ...window]: readonly number[], attrs: Geometry, before?: readonly number[]): string | undefined {
  const none = [...window, ...window].map(() => 0);
  const { auto_pad, pads = none } = attrs;
  const own = before ?? none;
  const wanted = samePads({ kernel_shape: window, dilations: dilationsOf(window, attrs) });
  const total = pads.map((pad, i) => pad + own[i]!);
  const explicit = auto_pad === 'NOTSET' || auto_pad === 'VALID';
  const around = auto_pad === 'NOTSET' ? total : explicit ? own : wanted;
  const fits = around.every((pad, i) => pad === wanted[i]) && (explicit || own.every(pad => pad === 0));
  return fits ? undefined : `pads [${total}] do not keep the size; [${wanted}] would`;
}

/** Distances between taps; where a window has one, they mean nothing. */
export const dilationsOf = (window: readonly number[], { dilations }: Geometry): number[] =>
  window.map((k, i) => (k === 1 ? 1 : (dilations?.[i] ?? 1)));

/** A convolution's data before zeros are put around it, and how many [begin…, end…]; undefined (with a reason) for other paddings. */
function paddedData(conv: Node, at: Evaluation, spatialRank: number): { data: Value; pads: number[] } | undefined {
  let data = conv.inputs[0]!;
  const pads = new Array<number>(2 * spatialRank).fill(0);
  for (let node = data.producer; node?.op.domain === '' && (node.op.name === 'Pad' || isNoOp(node)); node = data.producer) {
    if (node.op.name === 'Pad') {
      const more = zerosOf(node, spatialRank);
      if (typeof more === 'string') return at.reject(more);
      for (const [i, n] of more.entries()) pads[i]! += n;
      at.nodes.add(node);
    } else if (node.outputs[0]!.uses.size === 1) at.nodes.add(node);
    else break;
    data = node.inputs[0]!;
  }
  return { data, pads };
}

/** The zeros that a Pad puts around an image's spatial axes, or why it does something else. */
function zerosOf(pad: Node, spatialRank: number): number[] | string {
  const { mode, pads, paddings, value = 0 } = attrsOf(pad, 'Pad');
  if (mode !== 'constant') return `the image is padded by ${mode === 'edge' ? 'repetition of its border' : `'${mode}'`}, not by zeros`;
  const [, amounts, filling, axes] = pad.inputs;
  const sizes = amounts ? constantOf(amounts)?.numbers() : (pads ?? paddings);
  const filler = filling ? constantOf(filling)?.numbers()[0] : value;
  const rank = spatialRank + 2;
  const padded = axes ? constantOf(axes)?.numbers() : Array.from({ length: rank }, (_, i) => i);
  if (!sizes || !padded) return 'the pads are not known';
  if (filler !== 0) return `the image is padded by ${filler ?? 'a computed value'}, not by zeros`;
  if (Array.from(sizes).some(n => n < 0)) return 'a negative Pad crops the image';
  if (sizes.length !== 2 * padded.length) return 'the pads do not fit the image';
  const [begin, end] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  for (const [i, axis] of Array.from(padded).entries()) {
    begin[(axis + rank) % rank] = sizes[i]!;
    end[(axis + rank) % rank] = sizes[i + padded.length]!;
  }
  if ([begin, end].some(side => side[0] !== 0 || side[1] !== 0)) return 'batch or channels are padded';
  return [...begin.slice(2), ...end.slice(2)];
}
