import type { Model } from '../ir/model.ts';
import type { Value } from '../ir/value.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import { encode } from '../serde/model-file.ts';
import { factRuntime } from './runtime.ts';
import { skeletonOf } from './skeleton.ts';

/**
 * Finds the types of the main graph's values by asking ONNX Runtime, and notes them on the values, beside the declared ones. Returns why not, where the runtime can't load the model (a foreign operator, say).
 */
export async function inferTypes(model: Model): Promise<RuntimeFailure | undefined> {
  try {
    const { outputs } = await (await factRuntime()).outputTypes({ bytes: encode(skeletonOf(model), { inline: true }) });
    const types = new Map(outputs.map(o => [o.name, o]));
    for (const node of model.graph.nodes()) {
      for (const value of node.outputs) {
        const found = types.get(value.name);
        if (found?.dtype === undefined) continue;
        // The runtime describes a scalar and an unknown rank alike.
        value.inferred = { kind: 'tensor', dtype: found.dtype, shape: found.shape.length > 0 ? found.shape : undefined };
      }
    }
    return undefined;
  } catch (error) {
    if (error instanceof RuntimeFailure) return error;
    throw error;
  }
}

/** Whether some value of the main graph has no known rank, or may be an image whose channels are not known. */
function lacksTypes(model: Model): boolean {
  const unknown = ({ name, shape, inferred }: Value) =>
    name !== '' && !inferred && (shape === undefined || (shape.length === 4 && typeof shape[1] !== 'number'));
  for (const node of model.graph.nodes()) if (node.outputs.some(unknown)) return true;
  return false;
}

/** Asks only where something is missing. What the runtime can't tell, the sites that need it refuse. */
export async function inferMissingTypes(model: Model): Promise<void> {
  if (lacksTypes(model)) await inferTypes(model);
}
