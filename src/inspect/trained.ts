import { foldConstants, foldShape } from '../../passes/index.ts';
import { FunnelError } from '../errors.ts';
import { moduleOf } from '../functions/modules.ts';
import { type Renaming, TrainedWeights } from '../functions/trained.ts';
import { groupWeights, type TrainedSite } from '../functions/trained-file.ts';
import { funnelFinder } from '../infer/funnels.ts';
import type { Model } from '../ir/model.ts';
import { rewrite } from '../rewrite/pipeline.ts';
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
  const { finder, found } = funnelFinder();
  await rewrite(model, [foldShape, foldConstants(), finder]);
  return [...found].map(
    ([
      name,
      {
        nodes: [root],
        conditions: branches,
      },
    ]) => {
      const module = moduleOf(root!) || undefined;
      return { kind: 'value', name, aliases: [root!.name], module, wrapped: '', branches, compared: true, sure: true };
    },
  );
}
