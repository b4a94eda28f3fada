import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Diff, diff } from '../src/inspect/diff.ts';
import type { Model } from '../src/ir/model.ts';
import { labelOf } from '../src/ir/node.ts';
import type { Runtime } from '../src/runtime/session.ts';
import { decode } from '../src/serde/model-file.ts';
import type { Culprit } from '../src/verify/layer-report.ts';
import type { Verdict } from '../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';
import type { Mutant } from './judge.ts';

/**
 * Which nodes verify blames for a mistake.
 * - `exact`: those that were broken, and no others.
 * - `stretch`: the values on both sides of it: what was broken lies between them, with nodes that were not.
 * - `others too`: what was broken, and something else.
 * - `neighbour`: a node that uses what was broken, or that it uses.
 * - `elsewhere`: other nodes.
 * - `interface`: none, for what is computed agrees: the reasons name the inputs and outputs that don't.
 * - `nothing`: none.
 */
export const grades = ['exact', 'stretch', 'others too', 'neighbour', 'elsewhere', 'interface', 'nothing'] as const;
export type Grade = (typeof grades)[number];

/** Whether the smallest subgraphs that differ do so on their own; `none` where none were written. */
export const reproductions = ['reproduced', 'partly', 'not reproduced', 'none'] as const;
export type Reproduction = (typeof reproductions)[number];

export interface Bisected {
  readonly grade: Grade;
  readonly reproduction: Reproduction;
  /** The nodes that `diff` tells apart. */
  readonly broken: readonly string[];
  readonly blamed: readonly Blamed[];
  readonly notes: readonly string[];
}

interface Blamed {
  readonly node: string;
  /** Of either model, from the values that agree to this one. */
  readonly nodes: readonly string[];
  readonly message: string;
  /** What verify says of the subgraphs. */
  readonly alone: Verdict['status'] | undefined;
}

/** Has verify look for the nodes that are to blame for a mistake that it sees, and run the smallest subgraphs that differ. */
export async function bisect(runtime: Runtime, { fate }: Mutant, a: Uint8Array, b: Uint8Array, options: VerifyOptions): Promise<Bisected> {
  const failures = await mkdtemp(join(tmpdir(), 'onnx-funnel-bisect-'));
  try {
    const how: VerifyOptions = fate === 'caught by layers' ? { layers: true } : { bisect: true };
    const ask = (more: VerifyOptions = {}) => verify({ bytes: a }, { bytes: b }, { ...options, runtime, failures, ...how, ...more });
    // What one input tells apart, all of them do.
    const first = await ask({ kinds: ['normal'] });
    const verdict = first.status === 'same' ? await ask() : first;
    const { culprits = [], notes = [] } = verdict.layers ?? {};
    const blamed: Blamed[] = [];
    for (const culprit of culprits)
      blamed.push({
        node: culprit.node.name,
        nodes: nodesOf(culprit),
        message: culprit.message,
        alone: culprit.folder === undefined ? undefined : await statusAlone(culprit.folder, { ...options, runtime }),
      });
    const modelOfB = await decode(b);
    const { nodes } = diff(await decode(a), modelOfB);
    const broken = brokenNodes(nodes);
    const near = neighboursOf(modelOfB, broken);
    return { grade: gradeOf(blamed, { broken, near }, verdict), reproduction: reproductionOf(blamed), broken: [...broken], blamed, notes };
  } finally {
    await rm(failures, { recursive: true, force: true });
  }
}

const nodesOf = ({ nodes }: Culprit): string[] => [...new Set([...nodes.a, ...nodes.b].map(n => n.name))];

const brokenNodes = ({ added, removed, changed }: Diff['nodes']): ReadonlySet<string> =>
  new Set([...added, ...removed, ...changed].map(n => n.node));

async function statusAlone(folder: string, { runtime, providers, optimizations }: VerifyOptions): Promise<Verdict['status']> {
  const data = [join(folder, 'test_data_set_0')];
  const of = (name: string) => ({ path: join(folder, name) });
  const { status } = await verify(of('a.onnx'), of('b.onnx'), {
    data,
    ...(runtime && { runtime }),
    ...(providers && { providers }),
    ...(optimizations && { optimizations }),
  });
  return status;
}

/** The nodes that use a result of these, or compute an operand. */
function neighboursOf({ graph }: Model, labels: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const node of graph.nodes())
    for (const operand of node.inputs) {
      if (!operand?.producer) continue;
      const [before, after] = [labelOf(operand.producer), labelOf(node)];
      if (labels.has(before)) found.add(after);
      if (labels.has(after)) found.add(before);
    }
  return found;
}

function gradeOf(
  blamed: readonly Blamed[],
  { broken, near }: { readonly broken: ReadonlySet<string>; readonly near: ReadonlySet<string> },
  { configurations }: Verdict,
): Grade {
  if (blamed.length === 0) return configurations.some(c => c.status === 'different') ? 'nothing' : 'interface';
  const hits = blamed.filter(c => c.nodes.some(n => broken.has(n)));
  if (hits.length === blamed.length) return blamed.every(c => broken.has(c.node)) ? 'exact' : 'stretch';
  if (hits.length > 0) return 'others too';
  return blamed.some(c => near.has(c.node)) ? 'neighbour' : 'elsewhere';
}

function reproductionOf(blamed: readonly Blamed[]): Reproduction {
  const alone = blamed.flatMap(c => c.alone ?? []);
  const failing = alone.filter(status => status === 'different').length;
  if (alone.length === 0) return 'none';
  return failing === alone.length ? 'reproduced' : failing > 0 ? 'partly' : 'not reproduced';
}
