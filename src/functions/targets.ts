import { isFloat } from '../tensor/dtype.ts';
import type { Form } from './forms.ts';
import type { Funnel } from './recognise.ts';

/**
 * Where a lowered model is to run. `ort-cpu`: ONNX Runtime's CPU provider. `ort-webgpu`: its WebGPU provider. `ort-web`: its
 * default WebGPU build for browsers, which has no Max. `int8`: to be quantised by ONNX Runtime's static quantiser, which leaves Max in
 * float. `max`: anywhere; the form that exporters write.
 */
export const targets = ['max', 'ort-cpu', 'ort-webgpu', 'ort-web', 'int8'] as const;
export type Target = (typeof targets)[number];

/** A form, and whether Max compares x first. */
export interface Choice {
  readonly form: Form;
  readonly xFirst: boolean;
}

/**
 * The form that was measured as the fastest for a target, by site (`npm run bench -- frelu`).
 *
 * | target | form |
 * |---|---|
 * | `ort-cpu`, images [N, C, H, W], C a multiple of 4 | `identity-conv` |
 * | `ort-cpu`, others | `max`: as fast as any form, and exact |
 * | `ort-webgpu` | `max`, x first: two kernels; with T = 0 Relu's very bits there |
 * | `ort-web`, `int8` | `residual`: Conv, Relu, Add |
 * | half precision, everywhere | `max`: taking 1 off a weight would cost it its bits |
 *
 * ONNX Runtime's CPU provider computes convolutions of images in blocks of channels, and knows neither Max in that layout nor how to fuse a
 * sum into a Relu. The 1×1 convolution takes the sum in, and costs half of an Add at every size from 14² to 224², for windows from 1 to 7.
 * Even where no neighbour has the layout it is worth the way there and back. Sites without it (a few channels too many, sequences,
 * volumes) gain nothing from avoiding Max.
 */
export function formFor(target: Target, { conditions }: Funnel): Choice {
  const { dtype, dims, rank } = conditions[0]!.weight;
  const half = isFloat(dtype) && dtype !== 'float' && dtype !== 'double';
  if (target === 'ort-webgpu') return { form: 'max', xFirst: true };
  if (target === 'max' || half) return { form: 'max', xFirst: false };
  if (target !== 'ort-cpu') return { form: 'residual', xFirst: false };
  return { form: rank === 4 && dims[0]! % 4 === 0 ? 'identity-conv' : 'max', xFirst: false };
}
