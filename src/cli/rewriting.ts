import { resolve } from 'node:path';
import type { PassOptions } from '../../passes/index.ts';
import type { RewriteOptions, RewriteResult } from '../api.ts';
import type { TrainedWeights } from '../functions/trained.ts';
import type { Model } from '../ir/model.ts';
import type { RewriteSummary } from '../report/rewrite-text.ts';
import type { Pass, PassReport, RefusedPlace } from '../rewrite/pass.ts';
import { naming, usage } from './failure.ts';
import { readModel, sizeOfFile, wantedOutput, writeModel } from './model-file.ts';
import { checkNames } from './names.ts';
import { type PassFlags, passOptions, type RewriteFlags } from './options.ts';
import { progressBar } from './progress.ts';

/** Which passes a command runs: their names, or those of pipelines, one after the other. */
export type Wanted = { readonly passes: readonly string[] } | { readonly pipelines: readonly string[] };

/** What a command finds out once it has the model. */
export interface Found {
  readonly options: PassOptions;
  /** Activations that were left out on purpose. */
  readonly left: RewriteSummary['left'];
  /** Activations that can't be converted, as the plan says. */
  readonly refused: readonly RefusedPlace[];
}

/** The middle of convert, fold and rewrite: read, rewrite, write, report. */
export async function rewriteFile(
  command: string,
  input: string,
  flags: RewriteFlags & PassFlags,
  wanted: Wanted,
  look: (model: Model) => Promise<Found | undefined> = async () => undefined,
): Promise<void> {
  const output = await wantedOutput(flags.output);
  keepInputs(output, flags);
  // The disk works while the code is loaded.
  const reporting = Promise.all([import('./output.ts'), import('../report/rewrite-text.ts')]);
  const weights = await trainedWeights(flags);
  const [before, makers, inputBytes] = await Promise.all([readModel(input), passesFor(wanted, flags), sizeOfFile(input)]);
  // Plans are made for valid models only.
  await checked(before, input);
  const { options = {}, left = [], refused = [] } = (await look(before)) ?? {};
  const passes = makers.map(make => make({ ...passOptions(flags), ...options, ...(weights && { weights }) }));
  const { model, report, compared } = await runPasses(before, passes, input, {
    check: flags.check ?? false,
    fixpoint: 'pipelines' in wanted,
  });
  weights?.checkAnyUsed(input);
  await writeModel(model, output, input, flags.externalData);
  const outputBytes = await sizeOfFile(output);
  const summary = {
    command,
    input,
    output,
    inputBytes,
    outputBytes,
    changed: model !== before,
    left,
    passes: withRefusals(report, refused),
    ...(compared && { compared }),
  };
  const [{ say }, { rewriteJson, rewriteText }] = await reporting;
  const message = {
    json: rewriteJson(summary),
    text: (colors: Parameters<typeof rewriteText>[1]) => rewriteText(summary, colors, flags.explain === true),
  };
  say(message, flags, output === '-' ? 'stderr' : 'stdout');
}

/** @throws FunnelError E_USAGE where the model would take the place of another file that the command reads */
function keepInputs(output: string, flags: PassFlags & { readonly plan?: string }): void {
  const other = [flags.weights, flags.plan].find(path => path && output !== '-' && resolve(path) === resolve(output));
  if (other !== undefined) throw usage(`the model would take the place of ${other}, which it is made with`);
}

/** The passes' reports, with what was refused before they ran. */
function withRefusals(report: readonly PassReport[], refused: readonly RefusedPlace[]): PassReport[] {
  const told = new Set(report.flatMap(r => r.refused.map(place => place.result)));
  const more = refused.filter(place => !told.has(place.result));
  return report.map(r => (r.pass === 'relu-to-frelu' ? { ...r, refused: [...r.refused, ...more] } : r));
}

async function trainedWeights({ weights, weightsMap: renamings, weightsEpsilon: epsilon }: PassFlags): Promise<TrainedWeights | undefined> {
  if (weights === undefined && (renamings ?? epsilon) !== undefined)
    throw usage('--weights-map and --weights-epsilon are about weights, but --weights gives none');
  if (weights === undefined) return undefined;
  const { readWeights } = await import('../inspect/trained.ts');
  return readWeights(weights, readModel, { renamings, epsilon });
}

/** The passes of a command line. Those that are explicit choices come first where they were asked for. */
async function passesFor(wanted: Wanted, flags: PassFlags): Promise<((options: PassOptions) => Pass)[]> {
  const { passes, pipelines } = await import('../../passes/index.ts');
  const where = "'funnel passes' lists them";
  if ('pipelines' in wanted) checkNames('pipeline', wanted.pipelines, Object.keys(pipelines), where);
  const names = 'pipelines' in wanted ? wanted.pipelines.flatMap(name => pipelines[name]!) : wanted.passes;
  checkNames('pass', names, Object.keys(passes), where);
  const chosen = [
    ...(flags.freezeInitializers !== undefined ? ['freeze-initializers'] : []),
    ...(flags.forceEval === true ? ['force-eval'] : []),
  ].filter(name => !names.includes(name));
  return [...chosen, ...names].map(name => passes[name]!);
}

/** @throws FunnelError naming the file and all that is wrong with the model in it */
async function checked(model: Model, input: string): Promise<void> {
  const { check } = await import('../ir/check.ts');
  await naming(input, async () => check(model));
}

async function runPasses(model: Model, passes: readonly Pass[], input: string, options: RewriteOptions): Promise<RewriteResult> {
  const { rewrite } = await import('../api.ts');
  const progress = await progressBar();
  try {
    return await naming(input, () =>
      rewrite(model, passes, { ...options, onPass: (pass, i, total) => progress.update(i, total, pass.name) }),
    );
  } finally {
    progress.stop();
  }
}
