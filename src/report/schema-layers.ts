import { z } from 'zod';
import { count, jsonNumber, optimization } from './schema-values.ts';

export const node = z
  .strictObject({
    name: z.string().meta({ description: 'Its own name, or that of its first result.' }),
    operator: z.string(),
    pass: z.string().optional().meta({ description: 'The passes that made it, where the file says so.' }),
    from: z.string().optional().meta({ description: 'The nodes they made it of.' }),
  })
  .meta({ id: 'node' });

const drift = z.strictObject({ relativeL2: jsonNumber, maxAbs: jsonNumber }).meta({ id: 'drift' });

const layer = z
  .strictObject({
    value: z.string(),
    node,
    elements: count,
    status: z.enum(['same', 'different', 'reused-name']),
    local: drift
      .extend({ allowed: z.number(), violations: count })
      .meta({ id: 'localDrift', description: "What this layer alone does: B's nodes fed with A's values." }),
    accumulated: drift,
  })
  .meta({ id: 'layer', description: 'A value that both models compute.' });

const culprit = z
  .strictObject({
    value: z.string(),
    node,
    nodes: z.strictObject({ a: z.array(node), b: z.array(node) }),
    message: z.string(),
    folder: z.string().optional().meta({ description: 'Where the smallest subgraphs that differ were written.' }),
  })
  .meta({ id: 'culprit', description: 'Where B first goes wrong: nodes between values that agree and one that does not.' });

export const layersSchema = z
  .strictObject({
    provider: z.string(),
    optimization,
    input: z.string(),
    layers: z.array(layer),
    culprits: z.array(culprit),
    notes: z.array(z.string()),
  })
  .meta({ id: 'layers', description: 'B held against A layer by layer, in one configuration under one input.' });

export const selfCheckSchema = z
  .strictObject({
    mutations: z.array(z.strictObject({ kind: z.string(), node: z.string(), detected: z.boolean(), message: z.string() })),
    detected: count,
  })
  .meta({ id: 'selfCheck', description: 'B was broken on purpose, again and again, and compared in the same way.' });
