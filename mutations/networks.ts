import { densenet121 } from '../fixtures/networks/densenet.ts';
import { mobilenet } from '../fixtures/networks/mobilenet.ts';
import { networks } from '../fixtures/networks/networks.ts';
import { resnet } from '../fixtures/networks/resnet.ts';
import { shufflenetV2 } from '../fixtures/networks/shufflenet.ts';
import { passes } from '../passes/index.ts';
import { read } from '../src/api.ts';
import type { Model } from '../src/ir/model.ts';
import type { TensorType } from '../src/ir/value.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';
import { corpusModels } from '../test/support/corpus.ts';

/** Small enough for hundreds of runs, large enough for five halvings. */
const SIZE = 64;
/** Exported networks are wider. */
const CORPUS_SIZE = 48;
const small = { batch: 'N', size: SIZE } as const;

/** Networks of the project's own, narrower than they are known for. */
export const builtIn: Readonly<Record<string, () => Model>> = {
  resnet: () => parse(resnet('resnet', [1, 2, 1, 1], { ...small, width: 8 })),
  mobilenet: () => parse(mobilenet(0.25, small)),
  'shufflenet-v2': () => parse(shufflenetV2('shufflenet_v2', [24, 48, 96, 128], small)),
  squeezenet: () => parse(networks['squeezenet-1.1'](small)),
  densenet: () => parse(densenet121(small, [2, 2, 2, 2])),
  shufflenet: () => parse(networks.shufflenet(small)),
};

/** Those, and one that is too slow for tests. */
const larger: Readonly<Record<string, () => Model>> = { inception: () => parse(networks['inception-v2'](small)) };

const real: Readonly<Record<string, string>> = {
  resnet18: 'exported/resnet18.onnx',
  squeezenet1_1: 'exported/squeezenet1_1.onnx',
  shufflenet_v2_x0_5: 'exported/shufflenet_v2_x0_5.onnx',
  mobilenetv2_050: 'exported/mobilenetv2_050.onnx',
  regnetx_002: 'exported/regnetx_002.onnx',
  ghostnet_050: 'exported/ghostnet_050.onnx',
  frelu_resnet: 'exported/frelu_resnet.onnx',
  'face detector': 'face/version-RFB-320.onnx',
};

/** Exported and pretrained networks, where they are: with small images, where nothing in them says how large those are, and constant weights. */
export function corpus(): Readonly<Record<string, () => Promise<Model>>> {
  const paths = corpusModels();
  const found = Object.entries(real).filter(([, path]) => paths[path]);
  return Object.fromEntries(found.map(([name, path]) => [name, () => prepared(paths[path]!, !path.startsWith('face'))]));
}

/** All of them. */
export const allNetworks = (): Readonly<Record<string, () => Model | Promise<Model>>> => ({ ...builtIn, ...larger, ...corpus() });

/**
 * Every other model of the corpus, by its path there without `.onnx`, such as `frelu/official.ts`: as it is, with constant weights.
 * Few of them can be framed: they do not take an image, or give too few numbers.
 */
export function corpusFiles(): Readonly<Record<string, () => Promise<Model>>> {
  const taken = new Set(Object.values(real));
  const others = Object.entries(corpusModels()).filter(([name]) => !taken.has(name));
  return Object.fromEntries(others.map(([name, path]) => [name.replace(/(\/model)?\.onnx$/, ''), () => prepared(path, false)]));
}

async function prepared(path: string, resize: boolean): Promise<Model> {
  const { model } = await rewrite(await read(path), [passes['freeze-initializers']!()]);
  const [image] = model.graph.inputs;
  const type = image!.type as TensorType;
  if (!resize || (type.shape?.[2] as number) <= CORPUS_SIZE) return model;
  image!.type = { ...type, shape: [...type.shape!.slice(0, 2), CORPUS_SIZE, CORPUS_SIZE] };
  // Sizes that the file declares for what is computed are wrong now.
  for (const node of model.graph.nodes())
    for (const value of node.outputs) if (!model.graph.outputs.includes(value)) value.type = undefined;
  return model;
}
