import { cloneNode } from '../ir/clone.ts';
import { constantOf } from '../ir/constant.ts';
import { Graph } from '../ir/graph.ts';
import { bareModel, type Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import { isTypeOnly } from '../ops/facts.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import { encode } from '../serde/model-file.ts';
import { byteLengthOf } from '../tensor/dtype.ts';
import { Tensor } from '../tensor/tensor.ts';
import { factRuntime } from './runtime.ts';
import { widened } from './widen.ts';

/** What a constant cone's value turned out to be: its size in bytes (undefined: not known before it is computed), or why it can't be computed. */
export type ConeSize = number | undefined | RuntimeFailure;

/** Bytes of each value, computed from constants alone, as ONNX Runtime's shape inference finds them. */
export async function coneSizes(values: readonly Value[], model: Model): Promise<Map<Value, ConeSize>> {
  return divide(values, model, async part => {
    const runtime = await factRuntime();
    const ask = (cone: Model) => runtime.outputTypes({ bytes: encode(cone, { inline: true }) });
    const cone = coneModel(part, model);
    const { outputs } = await ask(cone).catch(unlessNarrow(() => ask(widened(cone).model)));
    return part.map((_, i) => {
      const { dtype, shape } = outputs[i]!;
      // The runtime describes a scalar and an unknown rank alike.
      if (dtype === undefined || shape.length === 0 || shape.some(d => typeof d !== 'number')) return undefined;
      return byteLengthOf(
        dtype,
        (shape as readonly number[]).reduce((a, b) => a * b, 1),
      );
    });
  });
}

/** The tensors of values that are computed from constants alone. */
export async function coneTensors(values: readonly Value[], model: Model): Promise<Map<Value, Tensor | RuntimeFailure>> {
  return divide(values, model, async part => {
    const runtime = await factRuntime();
    const run = async (cone: Model) => {
      const { outputs } = await runtime.run({ model: { bytes: encode(cone, { inline: true }) }, feeds: [{}] });
      return part.map((_, i) => outputs[0]![`out${i}`]!);
    };
    const cone = coneModel(part, model);
    return run(cone).catch(
      unlessNarrow(async () => {
        const { model: wide, dtypes } = widened(cone);
        return (await run(wide)).map((tensor, i) => (dtypes[i] === 'bfloat16' ? tensor.as('bfloat16').settle() : tensor));
      }),
    );
  });
}

/** What to do where the runtime has no kernel for an element type. */
function unlessNarrow<T>(retry: () => Promise<T>): (error: unknown) => Promise<T> {
  return async error => {
    if (error instanceof RuntimeFailure && error.category === 'not-implemented') return retry();
    throw error;
  };
}

/** What may stand in for an operand that is no constant, because nothing but its element type matters. */
export function standIn(node: Node, index: number): Tensor | undefined {
  const dtype = node.inputs[index]?.dtype;
  return dtype !== undefined && dtype !== 'undefined' && isTypeOnly(node.op, index) ? Tensor.fill(dtype, [], 0).settle() : undefined;
}

/** How often the runtime may take too long over a model's constants, before no more is asked of it. */
const MOST_TIMEOUTS = 3;
const timeouts = new WeakMap<Model, RuntimeFailure[]>();

/** Asks about many values at once; when that fails, about halves, until the culprit is alone. */
async function divide<T>(
  values: readonly Value[],
  model: Model,
  ask: (part: readonly Value[]) => Promise<T[]>,
): Promise<Map<Value, T | RuntimeFailure>> {
  if (values.length === 0) return new Map();
  const late = timeouts.get(model) ?? [];
  if (late.length >= MOST_TIMEOUTS) return new Map(values.map(v => [v, late[0]!]));
  try {
    const answers = await ask(values);
    return new Map(values.map((v, i) => [v, answers[i]!]));
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error;
    if (error.kind === 'timeout') timeouts.set(model, [...late, error]);
    if (values.length === 1) return new Map([[values[0]!, error]]);
    const middle = Math.ceil(values.length / 2);
    return new Map([...(await divide(values.slice(0, middle), model, ask)), ...(await divide(values.slice(middle), model, ask))]);
  }
}

/** A model without inputs that computes `values` from constants; output number i is called `out<i>`. */
function coneModel(values: readonly Value[], model: Model): Model {
  const graph = new Graph('constants');
  const copies = new Map<Value, Value>();
  const names = { next: 0 };
  for (const value of values) copyInto(graph, value, copies, names);
  for (const [i, value] of values.entries()) {
    const copy = copies.get(value)!;
    // The same value under a name of its own, so that names can't clash.
    if (graph.outputs.includes(copy)) throw new TypeError(`${value.name} is asked for twice`);
    copy.name = `out${i}`;
    graph.setOutput(i, copy);
  }
  const { irVersion, opsets } = model;
  const own = new Map([...opsets].filter(([domain]) => domain === ''));
  return bareModel({ irVersion: Math.max(irVersion, 4), opsets: own, functions: [], graph });
}

/** Copies what `value` is computed from, without recursion: cones can be deep. */
function copyInto(graph: Graph, value: Value, copies: Map<Value, Value>, names: { next: number }): void {
  const pending: Value[] = [value];
  while (pending.length > 0) {
    const next = pending.at(-1)!;
    const tensor = constantOf(next);
    const node = next.producer as Node;
    const missing =
      tensor || copies.has(next) ? [] : node.inputs.filter((v, i): v is Value => v !== undefined && !copies.has(v) && !standIn(node, i));
    if (missing.length > 0) {
      pending.push(...missing);
      continue;
    }
    pending.pop();
    if (copies.has(next)) continue;
    if (tensor) copies.set(next, graph.addConstant(`v${names.next++}`, tensor));
    else {
      const copy = cloneNode(node, copies, { rename: () => `v${names.next++}`, renameNode: () => '' });
      for (const i of node.inputs.keys()) {
        const stub = standIn(node, i);
        if (stub) copy.setInput(i, graph.addConstant(`v${names.next++}`, stub));
      }
      for (const output of copy.outputs) {
        // ONNX Runtime dies of a Split that leaves a result out.
        output.name ||= `v${names.next++}`;
        output.type = undefined;
        output.origin = undefined;
      }
      graph.append(copy);
    }
  }
}
