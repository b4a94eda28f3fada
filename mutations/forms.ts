import { type PassOptions, passes, pipelines } from '../passes/index.ts';
import { inferTypes } from '../src/infer/types.ts';
import { cloneModel } from '../src/ir/clone.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { uniform } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { become, insert, nodesOf } from './edit.ts';
import { framed } from './frame.ts';

/**
 * What a network is made into before it is broken, so that every kind of mistake finds a place in every network:
 * - `plain`: as it is.
 * - `folded`: by the pipeline `fold`: convolutions with biases.
 * - `funnel`: its activations are FReLU with random weights, max(x, T(x)).
 * - `residual`: the same, as x + relu(T(x) − x).
 * - `activated`: its Relu are Clip, LeakyRelu, PRelu and HardSwish by turns.
 * - `framed`: between preprocessing and postprocessing, with two inputs and four outputs.
 */
export type Form = 'plain' | 'folded' | 'funnel' | 'residual' | 'activated' | 'framed';

/** A network in a form; undefined where its operator set is too old for it. The network stays as it is. */
export async function inForm(network: Model, form: Form): Promise<Model | undefined> {
  switch (form) {
    case 'plain':
      return network;
    case 'folded':
      return run(network, ['freeze-initializers', ...pipelines.fold!]);
    case 'funnel':
      return run(network, pipelines.convert!, { init: 'gaussian' });
    case 'residual':
      return run(await run(network, pipelines.convert!, { init: 'gaussian' }), pipelines.lower!, { lowering: 'residual' });
    case 'activated':
      await inferTypes(network);
      return activated(cloneModel(network));
    case 'framed':
      return network.opsets.get('')! < 13 ? undefined : framed(cloneModel(network));
  }
}

/** Passes are applied until none fires. */
async function run(network: Model, names: readonly string[], options: PassOptions = {}): Promise<Model> {
  const chosen = names.map(name => passes[name]!(options));
  return (await rewrite(network, chosen, { fixpoint: true })).model;
}

function activated(model: Model): Model {
  for (const [i, node] of nodesOf(model, 'Relu').entries()) {
    const [x] = node.inputs;
    const channels = x!.shape?.[1];
    if (i % 4 === 0 && model.opsets.get('')! >= 11)
      become(model, node, 'Clip', [x, Tensor.of('float', [], [0]), Tensor.of('float', [], [6])]);
    if (i % 4 === 1) become(model, node, 'LeakyRelu', [x], { alpha: 0.1 });
    if (i % 4 === 2 && typeof channels === 'number')
      become(model, node, 'PRelu', [x, Tensor.of('float', [channels, 1, 1], uniform(`slope ${i}`, channels, 0.05, 0.5))]);
    if (i % 4 === 3) {
      const [gate] = insert(model, node, 'HardSigmoid', [x], { alpha: 1 / 6, beta: 0.5 }).outputs;
      become(model, node, 'Mul', [x, gate]);
    }
  }
  return model;
}
