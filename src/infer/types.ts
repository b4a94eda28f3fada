import type { Model } from '../ir/model.ts';
import type { Value } from '../ir/value.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import { encode } from '../serde/model-file.ts';
import { factRuntime } from './runtime.ts';
import { skeletonOf } from './skeleton.ts';

/**
 * Finds the types of the main graph's values by asking ONNX Runtime, and notes them on the values. Results keep what they had
 * where the runtime does not know better. Returns why not, where the runtime can't load the model (a foreign operator, say).
 */
export async function inferTypes(model: Model): Promise<RuntimeFailure | undefined> {
  try {
    const { outputs } = await (await factRuntime()).outputTypes({ bytes: encode(skeletonOf(model), { inline: true }) });
    const types = new Map(outputs.map(o => [o.name, o]));
    for (const node of model.graph.nodes()) {
      for (const value of node.outputs) {
        const found = types.get(value.name);
        // The runtime describes a scalar and an unknown rank alike.
        if (found?.dtype !== undefined && found.shape.length > 0) value.type = { kind: 'tensor', dtype: found.dtype, shape: found.shape };
        else if (found?.dtype !== undefined) value.type ??= { kind: 'tensor', dtype: found.dtype, shape: undefined };
      }
    }
    return undefined;
  } catch (error) {
    if (error instanceof RuntimeFailure) return error;
    throw error;
  }
}

/** Whether some value of the main graph has no known rank. */
export function lacksTypes(model: Model): boolean {
  const unknown = (value: Value) => value.name !== '' && value.shape === undefined;
  for (const node of model.graph.nodes()) if (node.outputs.some(unknown)) return true;
  return false;
}
