import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PassOptions, passes, pipelines } from '../passes/index.ts';
import { forms } from '../src/functions/forms.ts';
import { targets } from '../src/functions/targets.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';
import { type Form, inForm } from './forms.ts';

/** A rewrite that is right: B computes what A computes. */
export interface Exact {
  readonly name: string;
  readonly a: Model;
  readonly b: Model;
}

interface Recipe {
  readonly name: string;
  readonly form: Form;
  readonly passes: readonly string[];
  readonly options?: PassOptions;
}

/** The passes that are meant to keep what a model computes. */
const exactPasses = Object.keys(passes).filter(
  name => !['relu-to-frelu', 'freeze-initializers', 'force-eval', 'fuse-swish'].includes(name),
);

const recipes: readonly Recipe[] = [
  ...(['plain', 'funnel', 'activated', 'framed'] as const).flatMap(form => [
    ...['simplify', 'train', 'fold', 'fuse', 'revert'].map(name => ({ name, form, passes: pipelines[name]! })),
    ...targets.map(target => ({ name: `deploy for ${target}`, form, passes: pipelines.deploy!, options: { target } })),
  ]),
  ...(['funnel', 'plain'] as const).flatMap(form =>
    forms.map(lowering => ({ name: `lower to ${lowering}`, form, passes: pipelines.lower!, options: { lowering } })),
  ),
  ...(['folded', 'trainable', 'fused'] as const).flatMap(form => [
    { name: `convert, ${form}`, form: 'plain' as const, passes: pipelines.convert!, options: { form } },
    {
      name: `convert, ${form}, and fold`,
      form: 'activated' as const,
      passes: [...pipelines.convert!, ...pipelines.fold!],
      options: { form },
    },
  ]),
  { name: 'convert and revert', form: 'plain', passes: [...pipelines.convert!, ...pipelines.revert!] },
  { name: 'fuse and inline', form: 'funnel', passes: [...pipelines.fuse!, 'inline-functions'] },
  ...exactPasses.flatMap(name => (['plain', 'framed'] as const).map(form => ({ name: `${name} alone`, form, passes: [name] }))),
];

/** Every exact rewrite of a network, in all its forms or in these, that changes it. */
export async function* exactRewrites(network: Model, forms?: readonly Form[]): AsyncGenerator<Exact> {
  for (const { name, form, passes: names, options = {} } of recipes) {
    if (forms && !forms.includes(form)) continue;
    const a = await inForm(network, form);
    if (!a) continue;
    const chosen = names.map(pass => passes[pass]!(options));
    const { model: b } = await rewrite(a, chosen, { fixpoint: true });
    if (b !== a) yield { name: `${name} (${form})`, a, b };
  }
}

const fixtures = join(import.meta.dirname, '../fixtures/passes');

/** The project's golden cases that keep what they compute and that ONNX Runtime can run. */
export function* goldenRewrites(): Generator<Exact> {
  for (const pass of readdirSync(fixtures)) {
    if (['freeze-initializers', 'force-eval'].includes(pass)) continue;
    for (const file of readdirSync(join(fixtures, pass)).filter(f => f.endsWith('.after.onnxtxt'))) {
      const before = readFileSync(join(fixtures, pass, file.replace('.after', '')), 'utf8');
      if (/^# (no runtime: |options: .*gaussian)/m.test(before)) continue;
      yield {
        name: `${pass}: ${file.replace('.after.onnxtxt', '')}`,
        a: parse(before),
        b: parse(readFileSync(join(fixtures, pass, file), 'utf8')),
      };
    }
  }
}
