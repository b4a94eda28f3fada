import { z } from 'zod';
import { type ReasonCode, reasons } from '../rewrite/refusal.ts';

const place = z
  .strictObject({
    node: z.string().meta({ description: 'Its own name, or that of its first result.' }),
    op: z.string(),
    result: z.string().optional(),
    note: z.string().optional(),
    bound: z.number().optional().meta({ description: 'How far the result may have moved: |y − y′| ≤ bound·(max |x| + 1).' }),
  })
  .meta({ id: 'firedPlace', description: 'A node that a pass took, and what it left of it.' });

export const passSchema = z
  .strictObject({
    pass: z.string(),
    fired: z.array(place),
    refused: z.array(
      place
        .extend({ code: z.enum(Object.keys(reasons) as ReasonCode[]), detail: z.string() })
        .meta({ id: 'refusedPlace', description: 'A place that looks right for the pass, left alone, and why.' }),
    ),
  })
  .meta({ id: 'pass', description: 'What a pass did, place by place.' });
