import type { ChalkInstance } from 'chalk';

/** A pass and its doc comment. */
export interface PassEntry {
  readonly name: string;
  readonly effect: 'exact' | 'changes';
  readonly summary: string;
  /** The whole comment; the summary is its first sentence. */
  readonly description: string;
  readonly before: string;
  readonly after: string;
}

export interface PipelineEntry {
  readonly name: string;
  readonly summary: string;
  readonly passes: readonly string[];
}

const effects = {
  exact: 'exact: outputs stay the same, up to rounding',
  changes: 'changes: the network may compute something else',
} as const;

/** One pass in full. */
export function passText(pass: PassEntry): (colors: ChalkInstance) => string {
  return colors => {
    const part = (title: string, text: string) => (text.trim() === '' ? [] : ['', colors.bold(title), '', indent(text.trim())]);
    const head = [`${colors.bold(pass.name)}  ${colors.dim(effects[pass.effect])}`, '', pass.description.trim()];
    return [...head, ...part('Before', pass.before), ...part('After', pass.after)].join('\n');
  };
}

/** One line a pass, one line a pipeline; of one pipeline alone, its passes in their order. */
export function passListText(passes: readonly PassEntry[], pipelines: readonly PipelineEntry[], colors: ChalkInstance): string {
  const width = Math.max(...passes.map(p => p.name.length), ...pipelines.map(p => p.name.length));
  const lines = passes.map(p => `  ${p.name.padEnd(width)}  ${colors.dim(p.effect.padEnd('changes'.length))}  ${p.summary}`);
  const [only] = pipelines;
  if (only && pipelines.length === 1)
    return [`${colors.bold(only.name)}  ${only.summary}`, '', ...lines, '', colors.dim('  exact passes again, until none fires')].join(
      '\n',
    );
  const lists = pipelines.map(p => `  ${p.name.padEnd(width)}  ${p.summary}`);
  const hint = colors.dim("  'funnel passes NAME' explains a pass, or lists those of a pipeline in their order");
  return [colors.bold('Passes'), ...lines, ...(lists.length > 0 ? ['', colors.bold('Pipelines'), ...lists, '', hint] : [])].join('\n');
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
