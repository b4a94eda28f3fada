import { foldConstants, foldShape } from '../../passes/index.ts';
import { FunnelError } from '../errors.ts';
import { calls, type Funnel, roots, spelledFunnel } from '../functions/recognise.ts';
import { groupWeights, type TrainedBranch, TrainedWeights } from '../functions/weights.ts';
import { inferMissingTypes } from '../infer/types.ts';
import type { Model } from '../ir/model.ts';
import { pass } from '../rewrite/pass.ts';
import { rewrite } from '../rewrite/pipeline.ts';
import { rule } from '../rewrite/rule.ts';
import { readTensorFile } from '../serde/tensor-file.ts';

/**
 * Trained weights of funnels from a file: `.npz` or `.safetensors` by the names of tensors, or an ONNX model (`readModel` reads it) by the
 * names of its funnels' results and nodes.
 * @throws FunnelError for a file that is none of these, or holds no weights of funnels
 */
export async function readWeights(path: string, readModel: (path: string) => Promise<Model>): Promise<TrainedWeights> {
  const sites = await readTensorFile(path).then(groupWeights, async (error: unknown) => {
    if (!(error instanceof FunnelError) || error.code !== 'E_NOT_TENSORS') throw error;
    return funnelsOf(await readModel(path));
  });
  if (sites.size === 0) throw new FunnelError('E_WEIGHTS', `${path} holds no depthwise convolutions, so no funnels`);
  return new TrainedWeights(path, sites);
}

/** The conditions of all funnels in a model, by the name of their result, and of their node where it has one. */
async function funnelsOf(model: Model): Promise<Map<string, TrainedBranch[]>> {
  const found = new Map<string, TrainedBranch[]>();
  const collect = ({ funnel }: { readonly funnel: Funnel }): undefined => {
    const [root] = funnel.nodes;
    for (const name of [root!.outputs[0]!.name, root!.name]) if (name !== '') found.set(name, [...funnel.conditions]);
  };
  const rules = [
    ...calls.map(match => rule({ match, rewrite: collect })),
    ...roots.map(root => rule({ match: spelledFunnel(root), rewrite: collect })),
  ];
  await rewrite(model, [foldShape, foldConstants(), pass('collect-funnels', 'exact', rules, { prepare: inferMissingTypes })]);
  return found;
}
