import { z } from 'zod';
import { passes, pipelines } from '../../passes/index.ts';
import { InvalidConfig, type Problem } from '../errors.ts';
import { unknownName } from '../known-names.ts';
import { formats } from '../report/reporters.ts';
import type { Pass } from '../rewrite/pass.ts';
import { optimizations } from '../runtime/optimization.ts';
import { providerNames } from '../runtime/providers.ts';
import { precisions } from '../tensor/dtype.ts';
import { inputKinds } from '../verify/inputs.ts';
import type { CaseConfig, CaseOptions, Config } from './config.ts';

/** A word of a list; another one is met with the one that was probably meant. */
const word = (kind: string, known: readonly string[]) =>
  z.string().superRefine((name, context) => {
    if (!known.includes(name)) context.addIssue({ code: 'custom', message: unknownName(kind, name, known).message });
  });

const text = z.string().min(1, 'it is empty');
const whole = z.int().min(0);
const numbers = z.array(z.number());
const given = { atol: z.number().min(0).optional(), rtol: z.number().min(0).optional() };
const size = z.int().min(0);

/** A function, or an object that has one: what only TypeScript can say more about. */
const generator = z.custom<object>(value => typeof value === 'function' || (typeof value === 'object' && value !== null));
const ownPass = z.custom<Pass>(
  value => typeof (value as Partial<Pass> | null)?.run === 'function',
  'it is neither the name of a pass nor a pass',
);

const caseOptions = {
  providers: z.array(word('provider', providerNames)).min(1).optional(),
  optimizations: z.array(word('level of optimisation', optimizations)).min(1).optional(),
  shapes: z
    .strictObject({
      inputs: z.record(z.string(), z.array(size)).optional(),
      symbols: z.record(z.string(), z.union([size, z.array(size).min(1)])).optional(),
    })
    .optional(),
  kinds: z.array(word('kind of input', inputKinds)).optional(),
  data: z
    .array(z.union([text, generator]))
    .min(1)
    .optional(),
  limit: z.int().min(1).optional(),
  images: z.strictObject({ mean: numbers.optional(), std: numbers.optional() }).optional(),
  seed: whole.optional(),
  exclude: z.array(z.string()).optional(),
  tolerances: z.strictObject({ ...given, outputs: z.record(z.string(), z.strictObject(given)).optional() }).optional(),
  topK: z.array(z.int().min(1)).min(1).optional(),
  minAgreement: z.number().min(0).max(1).optional(),
  precision: word('floating type', precisions).optional(),
  equalNan: z.boolean().optional(),
  threads: z.int().min(1).optional(),
  selfCheck: z.boolean().optional(),
  layers: z.boolean().optional(),
  bisect: z.boolean().optional(),
  failures: text.optional(),
} satisfies Readonly<Record<keyof CaseOptions, z.ZodType>>;

const name = text.optional();
const rewritten = { name, model: text, options: z.record(z.string(), z.unknown()).optional(), ...caseOptions };
const pairCase = z.strictObject({ name, a: text, b: text, ...caseOptions });
const pipelineCase = z.strictObject({ ...rewritten, pipeline: word('pipeline', Object.keys(pipelines)) });
const passesCase = z.strictObject({
  ...rewritten,
  passes: z.array(z.union([word('pass', Object.keys(passes)), ownPass])).min(1),
});

const config = z.strictObject({
  cases: z.array(z.looseObject({})),
  defaults: z.strictObject(caseOptions).optional(),
  reports: z.strictObject(Object.fromEntries(formats.map(format => [format, text.optional()]))).optional(),
  baseline: text.optional(),
  runtime: z.strictObject({ timeout: z.number().positive().optional(), memoryLimit: z.number().positive().optional() }).optional(),
});

/**
 * A configuration, from what a file exports.
 * @param label what errors call the file
 * @throws InvalidConfig
 */
export function parseConfig(value: unknown, label: string): Config {
  const result = config.safeParse(value);
  const problems = result.success ? [] : problemsOf(result.error, config, label, '');
  const cases: readonly unknown[] = Array.isArray((value as Partial<Config> | null)?.cases) ? (value as Config).cases : [];
  for (const [i, one] of cases.entries()) {
    if (typeof one !== 'object' || one === null) continue;
    const schema = schemaOf(one);
    const parsed = schema.safeParse(one);
    if (!parsed.success) problems.push(...problemsOf(parsed.error, schema, label, `cases[${i}]`));
  }
  if (problems.length > 0) throw new InvalidConfig(label, problems);
  return value as Config;
}

/** Which kind of case it means to be. */
function schemaOf(one: object): z.ZodObject {
  const has = (...keys: readonly (keyof (CaseConfig & Record<'a' | 'b' | 'model' | 'passes' | 'pipeline', unknown>))[]) =>
    keys.some(key => key in one);
  if (!has('model', 'passes', 'pipeline')) return pairCase;
  return has('passes') ? passesCase : pipelineCase;
}

function problemsOf(error: z.ZodError, schema: z.ZodObject, label: string, inside: string): Problem[] {
  return error.issues.flatMap(issue => {
    const where = pathOf(issue.path, inside);
    const at = (message: string) => ({ where: where === '' ? label : `${label}: ${where}`, message });
    if (issue.code === 'unrecognized_keys') {
      const known = keysOf(schema, issue.path);
      return issue.keys.map(key => at(unknownName('option', key, known).message));
    }
    return [at(messageOf(issue))];
  });
}

/** The options that an object inside a schema may have. */
function keysOf(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let inner = schema;
  for (const key of path) {
    while (inner instanceof z.ZodOptional) inner = inner.unwrap() as z.ZodType;
    if (inner instanceof z.ZodObject) inner = inner.shape[String(key)] as z.ZodType;
    else if (inner instanceof z.ZodRecord) inner = inner.valueType as z.ZodType;
  }
  while (inner instanceof z.ZodOptional) inner = inner.unwrap() as z.ZodType;
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function pathOf(path: readonly PropertyKey[], inside: string): string {
  return path.reduce<string>(
    (all, key) => (typeof key === 'number' ? `${all}[${key}]` : all === '' ? String(key) : `${all}.${String(key)}`),
    inside,
  );
}

/** Of alternatives, what the first one says: the word that was probably meant. */
function messageOf(issue: z.core.$ZodIssue): string {
  const [first] = issue.code === 'invalid_union' ? (issue.errors[0] ?? []) : [];
  const { message } = first ?? issue;
  return `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}
