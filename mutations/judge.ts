import { inferTypes } from '../src/infer/types.ts';
import { cloneModel } from '../src/ir/clone.ts';
import type { Model } from '../src/ir/model.ts';
import type { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import type { Verdict } from '../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';
import { type Form, inForm } from './forms.ts';
import type { Kind } from './kind.ts';

/**
 * What became of a broken model.
 * - `caught`: verify calls it different.
 * - `refused`: verify calls it invalid: it does not load.
 * - `equivalent`: it is not broken: every output has the same bits under every input, of several seeds.
 * - `caught by layers`: its outputs agree within their tolerance, and verify calls it different layer by layer (`--layers`).
 * - `escaped`: verify calls it the same, and it is not.
 */
export const fates = ['caught', 'caught by layers', 'refused', 'equivalent', 'escaped'] as const;
export type Fate = (typeof fates)[number];

export interface Mutant {
  readonly kind: string;
  readonly network: string;
  readonly where: string;
  readonly fate: Fate;
  /** Largest relative L2 of an output under any input; undefined where none could be measured. */
  readonly relativeL2: number | undefined;
  /** What verify said. */
  readonly summary: string;
}

/** A network in each of its forms. */
export class Subject {
  readonly name: string;
  readonly #network: Promise<Model>;
  readonly #forms = new Map<Form, Promise<{ readonly model: Model; readonly bytes: Uint8Array } | undefined>>();

  constructor(name: string, network: Model | Promise<Model>) {
    this.name = name;
    this.#network = Promise.resolve(network);
  }

  form(form: Form): Promise<{ readonly model: Model; readonly bytes: Uint8Array } | undefined> {
    const known = this.#forms.get(form) ?? this.#make(form);
    this.#forms.set(form, known);
    return known;
  }

  async #make(form: Form) {
    const model = await inForm(await this.#network, form);
    if (!model) return undefined;
    await inferTypes(model);
    return { model, bytes: encode(model) };
  }
}

export interface Trials {
  readonly runtime: Runtime;
  /** Sites to break, of those that a kind finds in a network, spread evenly; sites where nothing changes are replaced by others. */
  readonly sites: number;
  readonly options?: VerifyOptions;
  /** Sees each broken model. */
  readonly onMutant?: (mutant: Mutant, a: Uint8Array, b: Uint8Array) => Promise<void>;
}

/** Sites beyond which a kind is taken to change nothing. */
const MOST_EQUIVALENTS = 3;

/** Breaks a network in one way, at a few places. */
export async function breakIn(subject: Subject, kind: Kind, trials: Trials): Promise<Mutant[]> {
  const form = await subject.form(kind.form);
  const count = form ? kind.sites(cloneModel(form.model)).length : 0;
  const mutants: Mutant[] = [];
  let equivalents = 0;
  for (const i of spread(count)) {
    if (mutants.length - equivalents >= trials.sites || equivalents >= MOST_EQUIVALENTS) break;
    const model = cloneModel(form!.model);
    const site = kind.sites(model)[i]!;
    site.apply();
    const bytes = encode(model);
    const result = await judge(form!.bytes, bytes, trials);
    const mutant = { kind: kind.name, network: subject.name, where: site.where, ...result };
    if (mutant.fate === 'equivalent') equivalents++;
    mutants.push(mutant);
    await trials.onMutant?.(mutant, form!.bytes, bytes);
  }
  return mutants;
}

async function judge(
  a: Uint8Array,
  b: Uint8Array,
  { runtime, options = {} }: Trials,
): Promise<Pick<Mutant, 'fate' | 'relativeL2' | 'summary'>> {
  const compare = (more: VerifyOptions = {}) =>
    verify({ bytes: a }, { bytes: b }, { runtime, optimizations: ['disabled'], ...options, ...more });
  // What one input tells apart, all of them do.
  const first = await compare({ kinds: ['normal'] });
  const verdict = first.status === 'same' ? await compare() : first;
  const relativeL2 = largestL2(verdict);
  const told = { relativeL2, summary: verdict.summary };
  if (verdict.status === 'different') return { fate: 'caught', ...told };
  if (verdict.status === 'invalid') {
    if (verdict.reasons.some(r => r.where.startsWith('A'))) throw new Error(`the network itself does not run: ${verdict.summary}`);
    return { fate: 'refused', ...told };
  }
  if (!isIdentical(verdict)) {
    const closer = await compare({ layers: true });
    return { fate: closer.status === 'different' ? 'caught by layers' : 'escaped', relativeL2, summary: closer.summary };
  }
  for (const seed of [1, 2]) {
    const other = await compare({ seed });
    if (!isIdentical(other))
      return { fate: 'escaped', relativeL2: largestL2(other), summary: `${told.summary}; seed ${seed}: ${other.summary}` };
  }
  return { fate: 'equivalent', ...told };
}

const isIdentical = (v: Verdict) => v.status === 'same' && v.configurations.every(c => c.identical);

function largestL2({ configurations }: Verdict): number | undefined {
  const all = configurations.flatMap(c => c.results.map(r => Number(r.comparison.relativeL2))).filter(Number.isFinite);
  return all.length > 0 ? Math.max(...all) : undefined;
}

/** 0 … n − 1, each far from the ones before: the middle, the quarters, … */
function spread(n: number): number[] {
  const order = new Set<number>();
  for (let parts = 2; order.size < n && parts <= 4 * n; parts *= 2)
    for (let k = 1; k < parts; k += 2) order.add(Math.floor((n * k) / parts));
  return [...order];
}
