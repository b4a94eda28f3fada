import { z } from 'zod';
import { inputKinds } from '../verify/inputs.ts';
import { layersSchema, node, selfCheckSchema } from './schema-layers.ts';
import { count, jsonNumber, optimization, sha256, value } from './schema-values.ts';

export const status = z.enum(['same', 'different', 'inconclusive', 'unavailable', 'invalid']).meta({ id: 'status' });

export const finding = z
  .strictObject({
    code: z.string().meta({ description: 'Stable.' }),
    where: z.string(),
    message: z.string(),
    configuration: z
      .strictObject({ provider: z.string(), optimization })
      .optional()
      .meta({ description: 'Where it was found; absent for what is about the models.' }),
    nodes: z.array(node).optional().meta({ description: 'Nodes of B that are to blame, where they are known.' }),
  })
  .meta({ id: 'finding' });

const comparison = z
  .strictObject({
    same: z.boolean(),
    identical: z.boolean().meta({ description: 'Every element has the same bits.' }),
    reasons: z
      .array(z.enum(['dtype', 'shape', 'elements', 'relative-l2', 'nan', 'nan-in-both', 'infinity', 'top-k']))
      .meta({ description: 'Why not same.' }),
    elements: count,
    violations: count.meta({ description: 'Elements outside the tolerance.' }),
    maxAbs: jsonNumber,
    meanAbs: jsonNumber,
    p99Abs: jsonNumber,
    maxRel: jsonNumber,
    meanRel: jsonNumber,
    p99Rel: jsonNumber,
    maxUlp: jsonNumber.optional().meta({ description: 'Largest distance in units in the last place; absent for exact types.' }),
    meanUlp: jsonNumber.optional(),
    p99Ulp: jsonNumber.optional(),
    relativeL2: jsonNumber.meta({ description: '‖a − b‖₂ / ‖a‖₂' }),
    cosine: jsonNumber,
    snrDb: jsonNumber,
    psnrDb: jsonNumber,
    worst: z
      .strictObject({
        index: z.array(count),
        expected: z.union([z.number(), z.string()]),
        actual: z.union([z.number(), z.string()]),
      })
      .optional()
      .meta({ description: 'The element that is furthest beyond its tolerance; absent when none differs.' }),
    requiredAtol: jsonNumber.meta({ description: 'The atol that would have let every element pass, with this rtol.' }),
    histogram: z
      .array(z.tuple([z.int(), count]))
      .meta({ description: 'Elements by the decade of |a − b|: [-7, 12] are 12 with 1e-7 ≤ |a − b| < 1e-6.' }),
    topK: z
      .array(z.strictObject({ k: count, agreement: z.number() }))
      .optional()
      .meta({ description: "Of B's k largest elements of each row, the part that is among A's k largest too." }),
  })
  .meta({ id: 'comparison', description: 'How two tensors relate; statistics are over elements that are finite in both.' });

const tolerance = z
  .strictObject({
    atol: z.number(),
    rtol: z.number(),
    relativeL2: jsonNumber,
    source: z.enum(['derived', 'given', 'exact']),
    slices: z
      .array(z.strictObject({ axis: count, leastAtol: z.number() }))
      .optional()
      .meta({ description: 'Axes along which parts of the output, being smaller, have a smaller atol: the least of them.' }),
    because: z.string(),
  })
  .meta({ id: 'tolerance', description: 'Elements: |a − b| ≤ atol + rtol·|a|. The whole tensor: relativeL2.' });

const result = z
  .strictObject({
    input: z.string(),
    output: z.string(),
    against: z.enum(['reference', 'same-configuration']),
    drift: z
      .strictObject({ identical: z.boolean(), relativeL2: jsonNumber, maxAbs: jsonNumber })
      .optional()
      .meta({ description: "A here against the reference: the runtime's own drift." }),
    tolerance,
    comparison,
    random: z.literal(true).optional().meta({ description: 'A gives other values from run to run: the comparison says nothing about B.' }),
  })
  .meta({ id: 'result', description: 'One output under one input in one configuration.' });

const failure = z
  .strictObject({
    model: z.enum(['a', 'b']),
    input: z.string().optional(),
    kind: z.enum(['error', 'crashed', 'timeout', 'memory', 'provider']),
    category: z.enum(['load', 'unsupported-op', 'not-implemented', 'provider-missing', 'memory', 'shape', 'crash', 'timeout', 'other']),
    message: z.string(),
  })
  .meta({ id: 'failure', description: 'A run that did not come to its end; without input where the model did not load.' });

const placement = z
  .strictObject({
    nodes: z.record(z.string(), count),
    fallbacks: z.array(z.strictObject({ node: z.string(), operator: z.string() })),
  })
  .meta({ id: 'placement', description: 'Nodes by provider, and those that ran on the CPU though another provider was asked for.' });

const configuration = z
  .strictObject({
    provider: z.string(),
    optimization,
    status: z.enum(['same', 'different', 'unavailable']),
    identical: z.boolean(),
    adapter: z.string().optional(),
    placement: z.strictObject({ a: placement.optional(), b: placement.optional() }),
    failures: z.array(failure),
    results: z.array(result),
  })
  .meta({ id: 'configuration' });

const model = z.strictObject({ label: z.string(), inputs: z.array(value), outputs: z.array(value) }).meta({ id: 'model' });

const input = z
  .strictObject({
    label: z.string(),
    source: z.enum([...inputKinds, 'given']),
    shapes: z.record(z.string(), z.array(count)),
    sha256: sha256.meta({ description: 'Over names, types, shapes and values.' }),
    files: z
      .array(z.strictObject({ path: z.string(), sha256 }))
      .optional()
      .meta({ description: 'What the values come from.' }),
  })
  .meta({ id: 'input' });

export const verdictSchema = z
  .strictObject({
    schema: z.literal('onnx-funnel/verdict@1'),
    status,
    same: z.boolean(),
    summary: z.string(),
    reasons: z.array(finding).meta({ description: 'Why the status is not same.' }),
    warnings: z.array(finding).meta({ description: 'What weakens the verdict, or is worth knowing.' }),
    a: model.optional(),
    b: model.optional(),
    excludedOutputs: z.array(z.string()),
    reference: z.strictObject({ model: z.literal('a'), provider: z.literal('cpu'), optimization: z.literal('disabled') }),
    seed: count,
    threads: count,
    equalNan: z.boolean(),
    inputs: z.array(input),
    configurations: z.array(configuration),
    layers: layersSchema.optional(),
    selfCheck: selfCheckSchema.optional(),
    environment: z.strictObject({ onnxruntime: z.string(), node: z.string(), platform: z.string() }),
    timings: z
      .strictObject({ total: count, peakMemory: count })
      .meta({ description: 'Milliseconds and bytes: the one part that is not the same in each run.' }),
  })
  .meta({ id: 'verdict', description: 'The answer of onnx-funnel to: do A and B compute the same?' });
