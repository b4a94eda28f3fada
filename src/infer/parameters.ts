import { constantOf } from '../ir/constant.ts';
import type { Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import { conesOf } from './cones.ts';
import { coneSizes, coneTensors } from './constants.ts';

/**
 * Computes parameters that depend on constants alone, and notes them on their values for folds to use; they are written nowhere, and
 * take no room if the fold does not come about. `isParameter` says which operands matter; vectors of up to 64 KiB are computed.
 */
export async function evaluateParameters(model: Model, isParameter: (node: Node, index: number) => boolean): Promise<void> {
  const wanted = conesOf(model.graph).filter(value =>
    [...value.uses].some(use => use.kind === 'operand' && isParameter(use.node, use.index) && !constantOf(value)),
  );
  const sizes = await coneSizes(wanted, model);
  const small = wanted.filter(value => {
    const size = sizes.get(value);
    return !(size instanceof RuntimeFailure) && (size ?? 0) <= 1 << 16;
  });
  for (const [value, tensor] of await coneTensors(small, model)) {
    if (!(tensor instanceof RuntimeFailure) && tensor.rank <= 1) value.evaluated = tensor;
  }
}
