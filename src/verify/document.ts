import type { z } from 'zod';

/** Reads JSON; a byte order mark is let pass. `refuse` makes the error of what is wrong. */
export function parseJson(text: string, refuse: (what: string) => Error): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw refuse('it is not JSON');
  }
}

/** What a schema makes of a document. `refuse` makes the error of the first thing that is wrong, and where. */
export function conforming<T>(json: unknown, schema: z.ZodType<T>, refuse: (what: string) => Error): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refuse(`${issue!.path.join('.') || 'at the top'}: ${issue!.message}`);
}
