import { foldConstants, foldShape } from '../../passes/index.ts';
import { FunnelError } from '../errors.ts';
import { moduleOf } from '../functions/modules.ts';
import { calledFunnel, calls, type Funnel, roots, spelledFunnel } from '../functions/recognise.ts';
import { type Renaming, TrainedWeights } from '../functions/trained.ts';
import { groupWeights, type TrainedSite } from '../functions/trained-file.ts';
import { inferMissingTypes } from '../infer/types.ts';
import type { Model } from '../ir/model.ts';
import { pass } from '../rewrite/pass.ts';
import { rewrite } from '../rewrite/pipeline.ts';
import { rule } from '../rewrite/rule.ts';
import { readTensorFile } from '../serde/tensor-file.ts';

export interface WeightsOptions {
  /** Which activations take which weights, where names differ. */
  readonly renamings?: readonly Renaming[] | undefined;
  /** The ε of the normalizations in a file of tensors. */
  readonly epsilon?: number | undefined;
}

/**
 * Trained weights of funnels from a file: `.npz` or `.safetensors` by the names of tensors, or an ONNX model (`readModel` reads it) by the
 * names of its funnels' results and nodes.
 * @throws FunnelError for a file that is none of these, or holds no weights of funnels
 */
export async function readWeights(
  path: string,
  readModel: (path: string) => Promise<Model>,
  { renamings, epsilon }: WeightsOptions = {},
): Promise<TrainedWeights> {
  const sites = await readTensorFile(path).then(
    tensors => groupWeights(tensors, epsilon),
    async (error: unknown) => {
      if (!(error instanceof FunnelError) || error.code !== 'E_NOT_TENSORS') throw error;
      return funnelsOf(await readModel(path));
    },
  );
  if (sites.length === 0) throw new FunnelError('E_WEIGHTS', `${path} holds no depthwise convolutions, so no funnels`);
  return new TrainedWeights(path, sites, renamings);
}

/** The conditions of all funnels in a model, by the name of their result, their node and their module. */
async function funnelsOf(model: Model): Promise<TrainedSite[]> {
  const found = new Map<string, TrainedSite>();
  const collect = ({ funnel }: { readonly funnel: Funnel }): undefined => {
    const root = funnel.nodes[0]!;
    const { name } = root.outputs[0]!;
    const module = moduleOf(root) || undefined;
    found.set(name, { kind: 'value', name, aliases: [root.name], module, wrapped: '', branches: funnel.conditions, sure: true });
  };
  const rules = [
    ...calls.map(variant => rule({ match: calledFunnel(variant), rewrite: collect })),
    ...roots.map(root => rule({ match: spelledFunnel(root), rewrite: collect })),
  ];
  await rewrite(model, [foldShape, foldConstants(), pass('collect-funnels', 'exact', rules, { prepare: inferMissingTypes })]);
  return [...found.values()];
}
