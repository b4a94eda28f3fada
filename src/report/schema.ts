import { z } from 'zod';
import { FunnelError } from '../errors.ts';
import type { Measurement } from '../measure/measurement.ts';
import { conforming, parseJson } from '../verify/document.ts';
import { baselineSchema } from '../verify/known-drift.ts';
import type { Report } from '../verify/report.ts';
import type { Verdict } from '../verify/verdict.ts';
import { benchSchema } from './schema-bench.ts';
import { diffSchema } from './schema-diff.ts';
import { graphsSchema } from './schema-graphs.ts';
import { passSchema } from './schema-passes.ts';
import { count } from './schema-values.ts';
import { status, verdictSchema } from './schema-verdict.ts';

const caseSchema = z
  .strictObject({
    name: z.string().meta({ description: 'Unique within the report.' }),
    verdict: verdictSchema,
    passes: z
      .array(passSchema)
      .optional()
      .meta({ description: 'What the passes that made B of A did; absent where B is a file of its own.' }),
    diff: diffSchema.optional(),
    graphs: graphsSchema.optional(),
  })
  .meta({ id: 'case' });

const planSchema = z
  .strictObject({ cases: count, sha256: z.string().meta({ description: 'Over the names of the cases, in hexadecimal.' }) })
  .meta({ description: 'All the cases that the parts are of; absent in reports of older versions, which can not be merged.' });

const reportSchema = z
  .strictObject({
    schema: z.literal('onnx-funnel/report@1'),
    status,
    complete: z.boolean().meta({
      description:
        'False where the run was interrupted or stopped early, or parts of it are missing: what is here holds, more was to come.',
    }),
    shard: z
      .strictObject({ index: count, count, plan: planSchema.optional() })
      .optional()
      .meta({ description: 'Which part of the work this is; absent for all of it.' }),
    cases: z.array(caseSchema),
  })
  .meta({ id: 'report', description: 'What CI keeps of onnx-funnel: verdicts of one or more comparisons.' });

/** The type, as JSON sees it: what may be undefined may be absent, and nothing is read-only. */
type Plain<T> = T extends readonly (infer E)[]
  ? number extends T['length']
    ? Plain<E>[]
    : { -readonly [K in keyof T]: Plain<T[K]> }
  : T extends object
    ? { -readonly [K in keyof T as undefined extends T[K] ? never : K]: Plain<T[K]> } & {
        -readonly [K in keyof T as undefined extends T[K] ? K : never]?: Plain<Exclude<T[K], undefined>>;
      }
    : T;
/** The same with every field there, so that a field that only one has is told. */
type Full<T> = T extends readonly (infer E)[]
  ? number extends T['length']
    ? Full<E>[]
    : { -readonly [K in keyof T]: Full<T[K]> }
  : T extends object
    ? { -readonly [K in keyof T]-?: Full<Exclude<T[K], undefined>> }
    : T;
type Mutual<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Alike<A, B> = Mutual<Plain<A>, Plain<B>> & Mutual<Full<A>, Full<B>>;

// The compiler refuses a schema that says less, or more, than the type.
true satisfies Alike<z.infer<typeof verdictSchema>, Verdict>;
true satisfies Alike<z.infer<typeof reportSchema>, Report>;
true satisfies Alike<z.infer<typeof benchSchema>, Measurement>;

/**
 * Reads a report that `--report json=FILE` wrote. `label` is what an error calls it.
 * @throws FunnelError `E_REPORT` for text that is no report: what is wrong, and where
 */
export function readReport(text: string, label: string): Report {
  const refuse = (what: string) => new FunnelError('E_REPORT', `${label} is no report: ${what}`);
  const json = parseJson(text, refuse);
  const named = (json as { readonly schema?: unknown } | null)?.schema;
  if (named !== 'onnx-funnel/report@1') {
    const what = typeof named === 'string' ? `its schema is ${named.slice(0, 50)}, not` : 'it does not name its schema,';
    throw refuse(`${what} onnx-funnel/report@1; write one with --report json=FILE`);
  }
  const report = conforming(json, reportSchema, refuse);
  for (const { name, verdict } of report.cases)
    if (verdict.same !== (verdict.status === 'same'))
      throw refuse(`the verdict on ${name} contradicts itself: ${verdict.status}, same: ${verdict.same}`);
  return ordered(report, json) as Report;
}

/** A value with its keys in the order of the text it comes from: written again, it is that text again. */
function ordered(value: unknown, text: unknown): unknown {
  if (Array.isArray(value)) return value.map((item, i) => ordered(item, (text as readonly unknown[])[i]));
  if (typeof value !== 'object' || value === null) return value;
  const [values, texts] = [value, text] as [Record<string, unknown>, Record<string, unknown>];
  return Object.fromEntries(Object.keys(texts).map(key => [key, ordered(values[key], texts[key])]));
}

/** The published JSON schemas, by file name. */
export function publishedSchemas(): ReadonlyMap<string, object> {
  return new Map(
    Object.entries({ report: reportSchema, verdict: verdictSchema, baseline: baselineSchema, bench: benchSchema }).map(([name, schema]) => {
      const { $schema, id: _, ...rest } = z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>;
      const $comment = 'Written by npm run generate from src/report/schema.ts; do not edit.';
      return [`${name}.schema.json`, { $schema, $comment, title: `onnx-funnel/${name}@1`, ...rest }];
    }),
  );
}
