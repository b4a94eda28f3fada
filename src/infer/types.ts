import type { Model } from '../ir/model.ts';
import { retyped } from '../ir/retype.ts';
import type { Value } from '../ir/value.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import type { ValueMetadata } from '../runtime/session.ts';
import { encode } from '../serde/model-file.ts';
import type { DType } from '../tensor/dtype.ts';
import { factRuntime } from './runtime.ts';
import { skeletonOf } from './skeleton.ts';

/**
 * Finds the types of the main graph's values by asking ONNX Runtime, and notes them on the values, beside the declared ones. Returns why not, where the runtime can't load the model (a foreign operator, say).
 */
export async function inferTypes(model: Model): Promise<RuntimeFailure | undefined> {
  try {
    const outputs = await typesOf(skeletonOf(model));
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

/** Types that ONNX Runtime's CPU provider has few kernels for, no Conv among them. */
const bare: ReadonlySet<DType> = new Set(['double', 'bfloat16']);

/** The types of a model's outputs. For a network of a type that the runtime can't run, it is asked about the same network of float. */
async function typesOf(model: Model): Promise<readonly ValueMetadata[]> {
  const runtime = await factRuntime();
  const ask = async (m: Model) => (await runtime.outputTypes({ bytes: encode(m, { inline: true }) })).outputs;
  try {
    return await ask(model);
  } catch (error) {
    if (!(error instanceof RuntimeFailure) || error.category !== 'not-implemented') throw error;
    const wide = new Set<DType>();
    const asFloat = retyped(model, dtype => {
      if (dtype === 'float' || bare.has(dtype)) wide.add(dtype);
      return bare.has(dtype) ? 'float' : dtype;
    });
    // Of two types that became one, nothing tells which a value had.
    const [only] = wide;
    if (only === undefined || wide.size > 1) throw error;
    return (await ask(asFloat)).map(o => (o.dtype === 'float' ? { ...o, dtype: only } : o));
  }
}

/** Whether some value of the main graph has no known rank, or may be an image whose channels are not known. */
function lacksTypes(model: Model): boolean {
  const unknown = ({ name, shape, inferred }: Value) =>
    name !== '' && !inferred && (shape === undefined || (shape.length === 4 && typeof shape[1] !== 'number'));
  for (const node of model.graph.nodes()) if (node.outputs.some(unknown)) return true;
  return false;
}

/** Asks where the model has one of these operators, of whose operands a pass must know the rank. */
export const inferTypesFor =
  (...ops: readonly string[]) =>
  async (model: Model): Promise<void> => {
    for (const { op } of model.graph.allNodes()) if (op.domain === '' && ops.includes(op.name)) return void (await inferTypes(model));
  };

/** Asks only where something is missing. What the runtime can't tell, the sites that need it refuse. */
export async function inferMissingTypes(model: Model): Promise<void> {
  if (lacksTypes(model)) await inferTypes(model);
}
