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
 * The form that was measured as the fastest for a target, by site (`npm run bench -- lowering`).
 *
 * | target | form |
 * |---|---|
 * | `ort-cpu`, channels a multiple of 4 | `identity-conv`: every node stays in the provider's blocked layout, the sum is fused |
 * | `ort-cpu`, other channels | `residual`: no blocked layout to keep, one kernel less |
 * | `ort-webgpu` | `max`, x first: two kernels; with T = 0 Relu's very bits there |
 * | `ort-web`, `int8` | `residual`: Conv, Relu, Add |
 * | half precision, everywhere | `max`: taking 1 off a weight would cost it its bits |
 */
export function formFor(target: Target, { conditions }: Funnel): Choice {
  const { dtype, dims } = conditions[0]!.weight;
  const half = isFloat(dtype) && dtype !== 'float' && dtype !== 'double';
  if (target === 'max' || (half && target !== 'ort-webgpu')) return { form: 'max', xFirst: false };
  if (target === 'ort-webgpu') return { form: 'max', xFirst: true };
  if (target === 'ort-cpu' && dims[0]! % 4 === 0) return { form: 'identity-conv', xFirst: false };
  return { form: 'residual', xFirst: false };
}
