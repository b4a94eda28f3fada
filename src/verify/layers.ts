import { closeFactRuntime } from '../infer/runtime.ts';
import { inferTypes } from '../infer/types.ts';
import { matchGraphs } from '../inspect/diff-graph.ts';
import { nodeChanges } from '../inspect/diff-node.ts';
import type { Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import type { Runtime, Tensors } from '../runtime/session.ts';
import { fixedTensor } from './cut.ts';
import type { Culprit, LayerReport } from './layer-report.ts';
import { writeFailure } from './reproduce.ts';
import { type Segment, sharedValues } from './shared-values.ts';
import { isFault } from './wakes.ts';
import { type LayerOptions, refOf, Walk } from './walk.ts';

/** Segments that are run at once, and bytes of their weights and of what they compute. */
const most = { segments: 32, weights: 16e6, results: 8e6 };

/**
 * Holds B against A layer by layer: each stretch of B's nodes between two values that both models have is fed with A's values, so that
 * what it gets wrong is its own fault, and the tolerance can be as narrow as the rounding of that stretch.
 * Both models are run in pieces, each node once: never are all values in memory, nor all weights.
 * @throws RuntimeFailure where A can't be run in pieces
 */
export async function compareLayers(
  runtime: Runtime,
  a: Model,
  b: Model,
  label: string,
  feeds: Tensors,
  o: LayerOptions,
): Promise<LayerReport> {
  // Of whole models only their pieces are needed from here on, of facts only types.
  const isLarge = await runtime.forget();
  await inferTypes(a);
  await inferTypes(b);
  if (isLarge) await closeFactRuntime();
  const { segments, twins } = sharedValues(a, b);
  const walk = new Walk(runtime, a, b, segments, twins, feeds, o);
  const notes: string[] = [];
  if (segments.length === 0) notes.push('the models share no value');
  // How large results are, the first ones tell.
  let size = 1;
  for (let i = 0; i < segments.length; ) {
    const chunk = chunkFrom(segments, i, size);
    o.onProgress?.(i, segments.length, `layer ${segments[i]!.b.name}`);
    const failure = await walk.visit(chunk, i).catch((error: unknown) => {
      // A piece may kill the runtime where the whole does not.
      if (!(error instanceof RuntimeFailure) || (error.kind !== 'error' && error.kind !== 'crashed')) throw error;
      return error;
    });
    if (failure && chunk.length > 1) {
      // One of them can't be run, or not with the others.
      size = Math.floor(chunk.length / 2);
      continue;
    }
    if (failure) {
      if (failure.kind === 'error') await walk.stopAt(chunk[0]!, failure);
      notes.push(`from '${chunk[0]!.b.name}' on, layers could not be run on their own: ${failure.message}`);
      break;
    }
    i += chunk.length;
    const fitting = Math.floor((most.results * chunk.length) / Math.max(walk.bytes, 1));
    size = Math.max(1, Math.min(fitting, 2 * size, most.segments));
  }
  const faults = walk.wakes.origins.filter(isFault);
  const culprits: Culprit[] = [];
  for (const [i, { at }] of faults.entries()) {
    const { segment, message, values } = at;
    const number = faults.length > 1 ? i + 1 : undefined;
    const folder = o.folder !== undefined && values ? await writeFailure(o.folder, number, a, b, segment, twins, values) : undefined;
    culprits.push({ ...culpritOf(segment, message, a, b), ...(folder !== undefined && { folder }) });
  }
  const innocent = new Set(walk.wakes.origins.filter(origin => !isFault(origin)).map(({ at }) => at.segment.b.name));
  const layers = walk.layers.map(l => (innocent.has(l.value) ? { ...l, status: 'reused-name' as const } : l));
  return { ...o.where, input: label, layers, culprits, notes };
}

function chunkFrom(segments: readonly Segment[], start: number, size: number): Segment[] {
  let weights = 0;
  const chunk: Segment[] = [];
  for (const segment of segments.slice(start, start + size)) {
    weights += weightsOf(segment);
    if (chunk.length > 0 && weights > most.weights) break;
    chunk.push(segment);
  }
  return chunk;
}

function weightsOf({ nodes }: Segment): number {
  const weights = new Set(nodes.flatMap(node => node.inputs.flatMap(v => (v ? (fixedTensor(v) ?? []) : []))));
  return [...weights].reduce((sum, t) => sum + (t.byteLength ?? 0), 0);
}

function culpritOf(segment: Segment, message: string, a: Model, b: Model): Culprit {
  return {
    value: segment.b.name,
    node: refOf(nodeToName(segment, a, b)),
    nodes: { a: segment.before.nodes.map(refOf), b: segment.nodes.map(refOf) },
    message,
  };
}

/** Of several nodes that lead to a wrong value, the one that computes it, where A has it otherwise; else the last one that A has otherwise. */
function nodeToName({ b: { producer }, nodes }: Segment, a: Model, b: Model): Node {
  if (nodes.length === 1) return producer!;
  const { nodes: pairs, values } = matchGraphs(a.graph, b.graph);
  const changed = nodes.filter(node => {
    const twin = pairs.get(node);
    return !twin || nodeChanges(twin, node, values).length > 0;
  });
  return changed.includes(producer!) && changed.length > 1 ? producer! : (changed.at(-1) ?? producer!);
}
