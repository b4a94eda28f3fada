import { passes } from '../../passes/index.ts';
import type { TrainedWeights } from '../../src/functions/trained.ts';
import type { Model } from '../../src/ir/model.ts';
import { rewrite } from '../../src/rewrite/pipeline.ts';
import { parse } from '../../src/text/parse.ts';
import { tensors } from './tensor-files.ts';

/** Two activations of 4 channels, named as PyTorch's exporter does. */
export const relus = parse(
  `<ir_version: 8, opset_import: ["" : 17]>
  g (float[1,4,8,8] x) => (float[1,4,8,8] y) {
    ["/layer1/layer1.0/relu/Relu"] "/layer1/layer1.0/relu/Relu_output_0" = Relu (x)
    n = Neg ("/layer1/layer1.0/relu/Relu_output_0")
    ["/act/Clip"] y = Clip <min = 0.0, max = 6.0> (n)
  }`.replace('["" : 17]', '["" : 10]'),
);

/** A state_dict for both of them, and for a layer that is no activation. */
export const torch = tensors({
  'layer1.0.relu.conv_frelu.weight': [4, 1, 3, 3],
  'layer1.0.relu.conv_frelu.bias': [4],
  'layer1.0.relu.bn_frelu.weight': [4],
  'layer1.0.relu.bn_frelu.bias': [4],
  'layer1.0.relu.bn_frelu.running_mean': [4],
  'layer1.0.relu.bn_frelu.running_var': [4],
  'act.conv_frelu1.weight': [4, 1, 1, 3],
  'act.conv_frelu2.weight': [4, 1, 3, 1],
  'backbone.weight': [8, 4, 3, 3],
});

/** Converts with trained weights. */
export const convert = async (model: Model, weights: TrainedWeights, options = {}) =>
  rewrite(model, [passes['relu-to-frelu']!({ ...options, weights })], { check: true });
