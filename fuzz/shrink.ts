import { passes } from '../passes/index.ts';
import { inferTypes } from '../src/infer/types.ts';
import { problemsOf } from '../src/ir/check.ts';
import { cloneModel } from '../src/ir/clone.ts';
import type { Model } from '../src/ir/model.ts';
import { bodies } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import type { Runtime } from '../src/runtime/session.ts';
import { decode, encode } from '../src/serde/model-file.ts';
import { type Edit, edits, tidy } from './edits.ts';
import { type Failure, judge } from './judge.ts';
import type { Recipe } from './recipes.ts';
import { Subject, sizeOfConstants } from './subject.ts';

/** A network that fails, and how. */
export interface Finding {
  readonly model: Model;
  readonly recipe: Recipe;
  readonly failure: Failure;
}

/** Milliseconds that shrinking one failure may take. */
const PATIENCE = 90_000;

/** The smallest network found that fails in the same way, with the fewest passes. */
export async function shrink(finding: Finding, runtime: Runtime, patience = PATIENCE): Promise<Finding> {
  const deadline = performance.now() + patience;
  let best = finding;
  const tried = new Set<string>();
  const attempt = async (model: Model, recipe: Recipe): Promise<boolean> => {
    if (problemsOf(model).length > 0) return false;
    const key = JSON.stringify([Buffer.from(encode(model)).toString('latin1'), recipe]);
    if (tried.has(key)) return false;
    tried.add(key);
    const subject = await Subject.of(model, runtime, finding.failure.input && [finding.failure.input]);
    if (typeof subject === 'string') return false;
    const { failure } = await judge(subject, recipe);
    if (failure?.kind !== finding.failure.kind) return false;
    best = { model, recipe, failure };
    return true;
  };
  const inTime = () => performance.now() < deadline;
  await dropPasses(
    () => best.recipe,
    recipe => attempt(best.model, recipe),
    inTime,
  );
  for (let size = Number.POSITIVE_INFINITY; sizeOf(best.model) < size && inTime(); ) {
    size = sizeOf(best.model);
    for (const name of ['inline-functions', 'freeze-initializers', 'fold-constants', 'drop-unused'])
      await attempt((await rewrite(best.model, [passes[name]!()])).model, best.recipe);
    for (const list of edits) {
      await inferTypes(best.model);
      let candidates = list(best.model);
      for (let i = 0; i < candidates.length && inTime(); ) {
        const candidate = apply(best.model, candidates[i]!);
        if (candidate && (await attempt(candidate, best.recipe))) {
          await inferTypes(best.model);
          candidates = list(best.model);
        } else i++;
      }
    }
    await dropPasses(
      () => best.recipe,
      recipe => attempt(best.model, recipe),
      inTime,
    );
  }
  return best;
}

/** Leaves out what need not run. */
async function dropPasses(current: () => Recipe, attempt: (recipe: Recipe) => Promise<boolean>, inTime: () => boolean): Promise<void> {
  const without = (list: readonly string[], i: number) => list.filter((_, j) => j !== i);
  for (let i = 0; i < current().passes.length && current().passes.length > 1 && inTime(); )
    if (!(await attempt({ ...current(), passes: without(current().passes, i) }))) i++;
  for (let i = 0; i < current().before.length && inTime(); )
    if (!(await attempt({ ...current(), before: without(current().before, i) }))) i++;
  for (const key of Object.keys(current().options)) {
    const { [key as never]: _, ...options } = current().options;
    await attempt({ ...current(), options });
  }
}

/** An edited copy; undefined where the edit does not apply, or nothing came of it. */
function apply(model: Model, edit: Edit): Model | undefined {
  const copy = cloneModel(model);
  if (edit(copy) === false) return undefined;
  tidy(copy);
  // What the file said beyond the IR may no longer hold.
  return decode(encode(copy));
}

/** How large a network is for someone who reads it. */
function sizeOf(model: Model): number {
  let size = model.graph.inputs.length + model.graph.outputs.length + model.functions.length;
  for (const { graph } of bodies(model))
    for (const node of graph.allNodes()) size += 10 + node.attributes.size + node.inputs.length + (node.name ? 1 : 0);
  for (const { graph } of bodies(model))
    for (const input of graph.inputs) if (input.type?.kind === 'tensor') size += dimsOf(input.type.shape);
  return size + sizeOfConstants(model) / 100;
}

const dimsOf = (shape: readonly unknown[] | undefined): number =>
  (shape ?? []).reduce<number>((sum, d) => sum + (typeof d === 'number' ? d : 1), 0);
