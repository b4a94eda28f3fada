import { constantOf } from '../ir/constant.ts';
import { functionKey, type Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { retyped } from '../ir/retype.ts';
import { Value } from '../ir/value.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import type { ValueMetadata } from '../runtime/session.ts';
import { encode } from '../serde/model-file.ts';
import type { DType } from '../tensor/dtype.ts';
import { inferForward } from './forward.ts';
import { factRuntime } from './runtime.ts';
import { skeletonOf } from './skeleton.ts';

/** Nodes that one question is about: the runtime looks through all outputs for every node. */
const MOST_NODES = 2048;

/** Questions that may fail before the rest is left unknown. */
const MOST_FAILURES = 64;

/**
 * Finds the types of values by asking ONNX Runtime, and notes them on the values, beside the declared ones: of the main graph, then of
 * the graphs nested in it, where the types of what a body takes in are known by then. Of a body's inputs what they declare
 * counts; where a loop may change their shapes, the element type alone.
 * Returns why not, where the runtime can't load a node of the main graph (a foreign operator, say); what depends on it stays unknown.
 */
export async function inferTypes(model: Model): Promise<RuntimeFailure | undefined> {
  const last = answers.get(model);
  if (last?.edits === Value.edits) return last.failure;
  const failure = await ask(model);
  inferForward(model);
  answers.set(model, { edits: Value.edits, failure });
  return failure;
}

/** What was found out when, so that a model that has not changed since is not asked about again. */
const answers = new WeakMap<Model, { readonly edits: number; readonly failure: RuntimeFailure | undefined }>();

async function ask(model: Model): Promise<RuntimeFailure | undefined> {
  const state: State = { model, failures: [], foreign: new Set() };
  let failure: RuntimeFailure | undefined;
  for (let level = [model.graph]; level.length > 0; ) {
    const nodes = level.flatMap(graph => [...graph.nodes()]);
    const rename = level[0] !== model.graph;
    for (const value of nodes.flatMap(node => node.outputs)) {
      const known = constantOf(value);
      if (known) value.inferred = { kind: 'tensor', dtype: known.dtype, shape: known.dims };
    }
    for (let i = 0; i < nodes.length; i += MOST_NODES) await inferResults(nodes.slice(i, i + MOST_NODES), rename, state);
    if (!rename) failure = state.failures[0];
    level = nodes.flatMap(node => [...node.subgraphs()]);
  }
  return failure;
}

interface State {
  readonly model: Model;
  readonly failures: RuntimeFailure[];
  /** Operators that the runtime turned out not to know. */
  readonly foreign: Set<string>;
}

/** Asks about all nodes at once; when that fails, about halves, until the culprit is alone. */
async function inferResults(nodes: readonly Node[], rename: boolean, state: State): Promise<void> {
  if (state.failures.length >= MOST_FAILURES || state.failures.some(f => f.kind !== 'error')) return;
  const { model, values } = skeletonOf(
    nodes.filter(node => !state.foreign.has(functionKey(node.op))),
    state.model,
    { rename },
  );
  if (values.length === 0) return;
  try {
    for (const [i, { dtype, shape }] of (await typesOf(model)).entries()) {
      // The runtime describes a scalar and an unknown rank alike.
      if (dtype !== undefined) values[i]!.inferred = { kind: 'tensor', dtype, shape: shape.length > 0 ? shape : undefined };
    }
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error;
    state.failures.push(error);
    const [node] = nodes;
    const middle = Math.ceil(nodes.length / 2);
    if (nodes.length === 1) {
      if (error.category === 'unsupported-op' && [...node!.subgraphs()].length === 0) state.foreign.add(functionKey(node!.op));
      return;
    }
    await inferResults(nodes.slice(0, middle), rename, state);
    await inferResults(nodes.slice(middle), rename, state);
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

/** Whether some value has no known rank, or may be an image whose channels are not known. */
function lacksTypes(model: Model): boolean {
  const unknown = ({ name, shape, inferred }: Value) =>
    name !== '' && !inferred && (shape === undefined || (shape.length === 4 && typeof shape[1] !== 'number'));
  for (const node of model.graph.allNodes()) if (node.outputs.some(unknown)) return true;
  return false;
}

/** Asks where a node of the main graph, or of one nested in it, is of interest: many models have none. */
export const inferTypesWhere =
  (isOfInterest: (node: Node) => boolean) =>
  async (model: Model): Promise<void> => {
    for (const node of model.graph.allNodes()) if (isOfInterest(node)) return void (await inferTypes(model));
  };

const isOneOf = (ops: readonly string[]) => (node: Node | undefined) => node?.op.domain === '' && ops.includes(node.op.name);

/** Asks where the model has one of these operators, of whose operands a pass must know the rank. */
export const inferTypesFor = (...ops: readonly string[]) => inferTypesWhere(isOneOf(ops));

/** Asks where one of these operators takes in the result of one of them. */
export function inferTypesForChains(...ops: readonly string[]): (model: Model) => Promise<void> {
  const isOne = isOneOf(ops);
  return inferTypesWhere(node => isOne(node) && node.inputs.some(v => isOne(v?.producer)));
}

/** Asks only where something is missing. What the runtime can't tell, the sites that need it refuse. */
export async function inferMissingTypes(model: Model): Promise<void> {
  if (lacksTypes(model)) await inferTypes(model);
}
