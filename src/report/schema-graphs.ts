import { z } from 'zod';

const place = z.number().int().meta({ id: 'place', description: 'Where in `values` the value is; −1 for one that is absent.' });

const sketchNode = z
  .strictObject({
    name: z.string(),
    op: z.string(),
    inputs: z.array(place),
    outputs: z.array(place),
    status: z.enum(['same', 'changed', 'added', 'removed']),
    twin: z.number().int().optional().meta({ description: 'Place of the node in the other model that is the same one.' }),
    changes: z.array(z.string()).optional(),
    pass: z.string().optional(),
    from: z.string().optional(),
  })
  .meta({ id: 'sketchNode' });

const sketch = z
  .strictObject({
    values: z.array(z.string()),
    types: z.record(z.string(), z.string()),
    inputs: z.array(place),
    outputs: z.array(place),
    nodes: z.array(sketchNode),
  })
  .meta({ id: 'sketch', description: "A model's main graph without attributes and weights." });

export const graphsSchema = z.strictObject({ a: sketch, b: sketch }).meta({ id: 'graphs', description: 'The two graphs, to be drawn.' });
