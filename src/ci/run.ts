import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { portrait, read, rewrite, verify } from '../api.ts';
import { FunnelError } from '../errors.ts';
import type { Model } from '../ir/model.ts';
import { together } from '../report/together.ts';
import type { PassReport } from '../rewrite/pass.ts';
import type { Runtime } from '../runtime/session.ts';
import { encode } from '../serde/model-file.ts';
import { blame } from '../serde/module-file.ts';
import { declaredOf } from '../verify/declared.ts';
import { refused } from '../verify/refused.ts';
import type { Case } from '../verify/report.ts';
import type { Finding, Verdict } from '../verify/verdict.ts';
import { verify as compare, type VerifyOptions } from '../verify/verify.ts';
import { withoutZipMaps } from '../verify/zip-map.ts';
import type { Pair, PlannedCase, Rewriting } from './cases.ts';

export interface RunOptions {
  readonly onProgress?: NonNullable<VerifyOptions['onProgress']>;
  /** Whether the case is to tell what the models are, too: a report with graphs. */
  readonly portrait?: boolean;
}

/** Makes one comparison. What is wrong with its models or options is a verdict: it keeps no other case from being made. */
export async function runCase(planned: PlannedCase, runtime: Runtime, { onProgress, portrait = false }: RunOptions = {}): Promise<Case> {
  const { name, models } = planned;
  const options: VerifyOptions = { ...ownFolder(planned), runtime, ...(onProgress && { onProgress }) };
  try {
    return { name, ...('a' in models ? await ofPair(models, options, portrait) : await ofRewriting(models, options, portrait)) };
  } catch (thrown) {
    // What a pass or a generator of a user's threw is no fault of ours.
    const error = thrown instanceof FunnelError ? thrown : blame(thrown);
    if (!error) throw thrown;
    const onnxruntime = await runtime.describe().then(
      d => d.version,
      () => 'unavailable',
    );
    return { name, verdict: refused(error, options, onnxruntime) };
  }
}

/** Cases do not write over each other's subgraphs. */
function ownFolder({ name, options }: PlannedCase): VerifyOptions {
  return options.failures === undefined ? options : { ...options, failures: join(options.failures, folderOf(name)) };
}

/** A name that is a folder's as it is, or what of it can be, and a few digits that tell it from others like it. */
export function folderOf(name: string): string {
  const plain = name.replace(/^\.+|[^\w.-]+/g, '-').slice(0, 100);
  return plain === name ? name : `${plain}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

async function ofPair({ a, b }: Pair, options: VerifyOptions, drawn: boolean): Promise<Omit<Case, 'name'>> {
  const verdict = await verify(a, b, options);
  return { verdict, ...(drawn && (await portrait(a, b))) };
}

async function ofRewriting(
  { model: file, what, passes, fixpoint }: Rewriting,
  options: VerifyOptions,
  drawn: boolean,
): Promise<Omit<Case, 'name'>> {
  const before = await read(file).catch(error => {
    // As in verify: of the files of a case, which.
    throw error instanceof FunnelError && !error.message.includes(file) ? new FunnelError(error.code, `${file}: ${error.message}`) : error;
  });
  const { model: after, report } = await rewrite(before, passes, {
    fixpoint,
    onPass: (pass, i, total) => options.onProgress?.(i, total, pass.name),
  });
  const comparand = (model: Model, label: string) => ({
    bytes: encode(withoutZipMaps(model), { inline: true }),
    label,
    declared: declaredOf(model),
  });
  // What a pass took from the interface because it was told to is no difference.
  const frozen = report.flatMap(r => (r.pass === 'freeze-initializers' ? r.fired.map(f => f.node) : []));
  const exclude = [...(options.exclude ?? []), ...frozen];
  const verdict = await compare(comparand(before, file), comparand(after, `${file} → ${what}`), { ...options, exclude });
  const purpose = new Set(passes.filter(pass => pass.effect === 'changes').map(pass => pass.name));
  const fired = report.filter(r => r.fired.length > 0);
  const told = together(report).filter(r => r.fired.length + r.refused.length > 0);
  return { verdict: withWarnings(verdict, remarks(fired, purpose, verdict)), passes: told, ...(drawn && (await portrait(before, after))) };
}

/** What a reader should know about the passes that led to a verdict. */
function remarks(fired: readonly PassReport[], purpose: ReadonlySet<string>, verdict: Verdict): Finding[] {
  if (fired.length === 0)
    return [{ code: 'nothing-rewritten', where: 'passes', message: 'no pass fired: the model is compared with itself' }];
  const names = fired.map(r => r.pass).filter(name => purpose.has(name));
  if (verdict.status !== 'different' || names.length === 0) return [];
  const message = `${names.join(', ')} changes what the model computes on purpose: that outputs differ need not be a fault`;
  return [{ code: 'changes-on-purpose', where: 'passes', message }];
}

const withWarnings = (verdict: Verdict, more: readonly Finding[]): Verdict => ({ ...verdict, warnings: [...more, ...verdict.warnings] });
