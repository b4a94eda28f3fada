import { z } from 'zod';
import { optimizations } from '../runtime/optimization.ts';
import { finding } from './schema-verdict.ts';

const milliseconds = z.number().nonnegative();
const byteCount = z.number().nonnegative();
const label = z.strictObject({ label: z.string() });

const modelTimes = z.strictObject({
  load: milliseconds,
  firstRun: milliseconds,
  median: milliseconds,
  p10: milliseconds,
  p90: milliseconds,
  min: milliseconds,
  peakMemory: byteCount,
  idleMemory: byteCount,
  samples: z.array(milliseconds).meta({
    description: 'One for each round, launch after launch: the median of runsPerSample runs. median, p10, p90 and min are of these.',
  }),
  launches: z.array(z.strictObject({ load: milliseconds, firstRun: milliseconds, peakMemory: byteCount, idleMemory: byteCount })),
});

const placement = z.strictObject({
  nodes: z.record(z.string(), z.int().nonnegative()),
  fallbacks: z.array(z.strictObject({ node: z.string(), operator: z.string() })),
});

const configuration = z.strictObject({
  provider: z.string(),
  optimization: z.enum(optimizations),
  adapter: z.string(),
  shapes: z.record(z.string(), z.array(z.int().nonnegative())),
  placement: z.strictObject({ a: placement.optional(), b: placement.optional() }),
  rounds: z.int().positive(),
  runsPerSample: z.int().positive(),
  a: modelTimes,
  b: modelTimes,
  latency: z.strictObject({
    ratio: z.number().positive(),
    low: z.number().positive().optional(),
    high: z.number().positive().optional(),
    difference: z.enum(['slower', 'faster', 'none', 'unknown']),
    launches: z.array(z.number().positive()).meta({ description: 'The ratio of each launch: the median of those of its rounds.' }),
  }),
  memory: z.strictObject({ ratio: z.number().positive(), low: z.number().positive(), high: z.number().positive() }).optional(),
});

/** The JSON of `funnel bench --json`: a `Measurement`. Milliseconds and bytes. */
export const benchSchema = z.strictObject({
  schema: z.literal('onnx-funnel/bench@1'),
  complete: z.boolean(),
  a: label,
  b: label,
  seed: z.int().nonnegative(),
  threads: z.int().positive().optional(),
  configurations: z.array(configuration),
  findings: z.array(finding),
  warnings: z.array(finding),
  environment: z.strictObject({
    onnxruntime: z.string(),
    node: z.string(),
    platform: z.string(),
    processor: z.string(),
    cores: z.int().nonnegative(),
    load: z.number().nonnegative(),
  }),
});
