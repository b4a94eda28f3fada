import { z } from 'zod';
import { count } from './schema-values.ts';

const change = z
  .strictObject({ what: z.string(), before: z.string().optional(), after: z.string().optional() })
  .meta({ id: 'change', description: 'Something that was one thing in A and is another in B; absent where it is only in the other.' });
const renamed = z.strictObject({ path: z.string(), before: z.string(), after: z.string() }).meta({ id: 'renamed' });
const node = z
  .strictObject({
    node: z.string(),
    op: z.string(),
    path: z.string().meta({ description: 'The nested graph or function that it is in; empty in the main graph.' }),
    pass: z.string().optional(),
    from: z.string().optional(),
  })
  .meta({ id: 'diffNode', description: 'A node, and which pass made it of what, where it says so.' });
const weight = z.strictObject({ name: z.string(), path: z.string(), type: z.string() }).meta({ id: 'weight' });
const weightChange = weight
  .extend({
    typeAfter: z.string().optional(),
    maxAbs: z.number().optional().meta({ description: 'Largest |Δ| over all elements; absent where elements cannot be compared.' }),
    relative: z.number().optional().meta({ description: 'maxAbs in relation to the largest |x| before.' }),
  })
  .meta({ id: 'weightChange' });

/** What tells two models apart. */
export const diffSchema = z
  .strictObject({
    schema: z.literal('onnx-funnel/diff@1'),
    same: z.boolean(),
    interface: z.array(change),
    model: z.array(change),
    nodes: z.strictObject({
      same: count,
      added: z.array(node),
      removed: z.array(node),
      changed: z.array(node.extend({ changes: z.array(change) }).meta({ id: 'nodeChange' })),
      renamed: z.array(renamed),
    }),
    weights: z.strictObject({
      same: count,
      added: z.array(weight),
      removed: z.array(weight),
      changed: z.array(weightChange),
      renamed: z.array(renamed),
    }),
    functions: z.strictObject({ added: z.array(z.string()), removed: z.array(z.string()), changed: z.array(change) }),
    results: z.array(change.extend({ path: z.string() }).meta({ id: 'resultChange' })),
  })
  .meta({ id: 'diff', description: 'What tells model B from model A.' });
