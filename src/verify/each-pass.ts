import { PassFailed } from '../errors.ts';
import type { Model } from '../ir/model.ts';
import { retyped } from '../ir/retype.ts';
import type { Pass } from '../rewrite/pass.ts';
import { Runtime } from '../runtime/session.ts';
import { decode, encode } from '../serde/model-file.ts';
import type { DType } from '../tensor/dtype.ts';
import { factsIn, type ModelFacts } from './facts.ts';
import type { Verdict } from './verdict.ts';
import { type VerifyOptions, verify } from './verify.ts';

/** How a pass that fired was held against the model before it. */
export interface PassComparison {
  readonly pass: string;
  /** `same`: the outputs agreed. `changes`: the pass is meant to change them. `unknown`: nothing could be compared. */
  readonly status: 'same' | 'changes' | 'unknown';
  /** What was compared, or why not. */
  readonly detail: string;
}

/** Compares, on ONNX Runtime, what a model computes before and after each pass. */
export class EachPass {
  readonly comparisons: PassComparison[] = [];
  readonly #runtime = new Runtime();
  readonly #options: VerifyOptions;
  #before: Side;

  constructor(model: Model, options: VerifyOptions = {}) {
    this.#before = sideOf(model, 'before');
    this.#options = { optimizations: ['disabled'], runtime: this.#runtime, ...options };
  }

  /** @throws PassFailed where an exact pass has changed what the model computes */
  async after(pass: Pass, model: Model): Promise<void> {
    const before = this.#before;
    const after = sideOf(model, 'after');
    this.#before = { ...after, label: 'before' };
    const said = pass.effect === 'exact' ? await this.#compare(before, after) : changes;
    if (said.status === 'different') throw new PassFailed(pass.name, said.where, said.detail);
    this.comparisons.push({ pass: pass.name, status: said.status, detail: said.detail });
  }

  close(): Promise<void> {
    return this.#runtime.close();
  }

  async #compare(before: Side, after: Side): Promise<Said> {
    const first = await this.#ask(before, after);
    if (first.status !== 'unknown') return first;
    // What the runtime has no kernels for, it may say of the same model in float; how coarsely it computes, the model says as it was.
    const again = await this.#ask(inFloat(before), inFloat(after));
    return again.status === 'unknown' ? first : { ...again, detail: `${again.detail}, with float in place of double and bfloat16` };
  }

  async #ask(before: Side, after: Side): Promise<Said> {
    const verdict = await verify(before, after, this.#options);
    const [reason] = verdict.reasons;
    if (verdict.status === 'same') return { status: 'same', where: '', detail: verdict.summary.replace(/^same: /, '') };
    const broken = verdict.status === 'different' || (verdict.a !== undefined && isAboutB(verdict));
    if (!broken) return { status: 'unknown', where: '', detail: verdict.summary };
    return {
      status: 'different',
      where: reason?.where ?? 'the model',
      detail: `it changed what the model computes: ${reason?.message ?? verdict.summary}`,
    };
  }
}

/** One of two models to compare. */
interface Side {
  readonly label: string;
  readonly bytes: Uint8Array;
  readonly facts: ModelFacts;
}

const sideOf = (model: Model, label: string): Side => ({ label, bytes: encode(model, { inline: true }), facts: factsIn(model) });

const inFloat = (side: Side): Side => ({ ...side, bytes: encode(retyped(decode(side.bytes), toFloat), { inline: true }) });

interface Said {
  readonly status: PassComparison['status'] | 'different';
  readonly where: string;
  readonly detail: string;
}

const changes: Said = { status: 'changes', where: '', detail: 'it is meant to change what the model computes' };

const toFloat = (dtype: DType): DType => (dtype === 'double' || dtype === 'bfloat16' ? 'float' : dtype);

/** The runtime loads A, and not B. */
function isAboutB({ status, reasons }: Verdict): boolean {
  return status === 'invalid' && reasons.every(r => r.where.startsWith('B'));
}
