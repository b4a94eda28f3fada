import type { Tensors } from '../runtime/session.ts';
import { isFloat } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Comparison, short } from './compare.ts';
import type { InputSet } from './inputs.ts';
import type { Finding } from './verdict.ts';
import { numerals } from './words.ts';

/** NaN in given values is allowed: whoever gives them may want to know what becomes of it. */
export function nanInputs({ label, source }: InputSet, feeds: Tensors): Finding[] {
  if (source !== 'given') return [];
  return Object.entries(feeds).flatMap(([name, t]): Finding[] => {
    const nans = isFloat(t.dtype) ? countNans(t) : 0;
    if (nans === 0) return [];
    const message = `${nans} of ${t.size} values are NaN: what a model makes of them tells little about it`;
    return [{ code: 'nan-input', where: `input '${name}' of '${label}'`, message }];
  });
}

function countNans(t: Tensor): number {
  const values = t.numbers();
  let nans = 0;
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) nans++;
  return nans;
}

/** That A, on the reference runtime, does not compute what was stored beside its inputs, and by how much. */
export function storedDifference(label: string, output: string, c: Comparison): Finding[] {
  if (c.same) return [];
  const how =
    c.reasons.includes('shape') || c.reasons.includes('dtype')
      ? `another ${c.reasons.join(', ')}`
      : `relative L2 ${short(c.relativeL2)}, ${c.violations} of ${c.elements} elements outside the tolerance`;
  const [stored, computed] = c.worst ? numerals(c.worst.expected, c.worst.actual) : [];
  const worst = c.worst ? `, worst at [${c.worst.index}]: ${stored} is stored, ${computed} comes out` : '';
  return [
    { code: 'stored-outputs', where: `output '${output}'`, message: `A does not reproduce what is stored in ${label}: ${how}${worst}` },
  ];
}
