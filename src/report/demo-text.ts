import type { ChalkInstance } from 'chalk';
import type { PassReport } from '../rewrite/pass.ts';
import type { Verdict } from '../verify/verdict.ts';
import { tally } from './format.ts';

/** What the demo did. */
export interface DemoStory {
  readonly schema: 'onnx-funnel/demo@1';
  /** Where the models are; undefined when they were not kept. */
  readonly folder: string | undefined;
  readonly webgpu: { readonly available: boolean; readonly why?: string };
  readonly steps: readonly DemoStep[];
}

export interface DemoStep {
  readonly command: string;
  readonly passes: readonly PassReport[];
  readonly same: boolean;
  readonly summary: string;
  readonly runs: readonly DemoRun[];
}

/** One configuration of the runtime. */
export interface DemoRun {
  readonly on: string;
  readonly same: boolean;
  readonly identical: boolean;
  /** The largest ‖a − b‖ / ‖a‖ of any output under any input. */
  readonly relativeError: number;
}

/** A verdict in short: what each configuration said. */
export function runsOf({ configurations }: Verdict): DemoRun[] {
  return configurations.map(({ provider, optimization, adapter, status, identical, results }) => ({
    on: `${adapter === undefined || adapter.toLowerCase() === provider ? provider : `${provider}, ${adapter}`}, ${optimization === 'disabled' ? 'as it is' : 'optimised by ONNX Runtime'}`,
    same: status === 'same',
    identical,
    relativeError: Math.max(0, ...results.map(r => Number(r.comparison.relativeL2)).filter(Number.isFinite)),
  }));
}

/** The demo as a short story. */
export function demoText(story: DemoStory, colors: ChalkInstance): string {
  const lines = ['A small ResNet (3 stages, 15 convolutions, random weights), in two commands:', ''];
  for (const { command, passes, same, summary, runs } of story.steps) {
    lines.push(`${colors.dim('$')} ${colors.bold(command)}`);
    for (const { pass, fired } of passes) {
      const did = tally(fired.map(place => place.op)).map(([op, n]) => `${n} × ${op}`);
      if (did.length > 0) lines.push(`    ${pass}: ${did.join(', ')}`);
    }
    for (const run of runs) {
      const word = run.same ? colors.green(run.identical ? 'same bits' : 'same') : colors.red('different');
      lines.push(`    ${word} on ${run.on}${run.identical ? '' : colors.dim(`, relative error ${run.relativeError.toExponential(1)}`)}`);
    }
    if (!same) lines.push(`    ${colors.red(summary)}`);
    lines.push('');
  }
  if (!story.webgpu.available) lines.push(colors.dim(`WebGPU was left out: ${story.webgpu.why ?? 'no adapter'}.`));
  const kept = story.folder === undefined ? "'funnel demo --out DIR' keeps the models" : `the models are in ${story.folder}`;
  lines.push(`Now with a model of yours: funnel convert IN.onnx -o OUT.onnx (${kept}).`);
  return lines.join('\n');
}
