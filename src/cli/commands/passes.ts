import { Command } from 'commander';
import { unknownName } from '../names.ts';
import { addOptions, type CommonFlags, examples, jsonOption } from '../options.ts';

/** `funnel passes`: what there is, and what each one does. */
export const passes = (): Command =>
  examples(
    addOptions(new Command('passes'), jsonOption())
      .description('list passes and pipelines, or explain one: what it does, its mathematics, a graph before and after')
      .argument('[name]', 'a pass or a pipeline')
      .action(run),
    ['funnel passes', 'all of them'],
    ['funnel passes fold-batch-norm', 'one, explained'],
  );

async function run(name: string | undefined, flags: CommonFlags): Promise<void> {
  const [table, { docs }, { say }, { passListText, passText }] = await Promise.all([
    import('../../../passes/index.ts'),
    import('../../../passes/docs.generated.ts'),
    import('../output.ts'),
    import('../../report/passes-text.ts'),
  ]);
  const entries = Object.entries(table.passes).map(([pass, make]) => ({ name: pass, effect: make().effect, ...docs[pass]! }));
  const pipelines = Object.entries(table.pipelines).map(([pipeline, names]) => ({
    name: pipeline,
    summary: table.pipelineSummaries[pipeline]!,
    passes: names,
  }));
  const schema = 'onnx-funnel/passes@1' as const;
  const chosen = entries.filter(entry => name === undefined || entry.name === name);
  const lists = pipelines.filter(entry => name === undefined || entry.name === name);
  if (chosen.length + lists.length === 0)
    throw unknownName(
      'pass',
      name!,
      [...entries, ...pipelines].map(entry => entry.name),
      "'funnel passes' lists them",
    );
  // A pipeline is explained by its passes, in their order; one that comes again is there once.
  const [list] = name === undefined ? [] : lists;
  const members = list ? [...new Set(list.passes)].map(pass => entries.find(entry => entry.name === pass)!) : chosen;
  const [only] = chosen;
  const text = name !== undefined && only ? passText(only) : undefined;
  say(
    { json: { schema, passes: members, pipelines: lists }, text: colors => text?.(colors) ?? passListText(members, lists, colors) },
    flags,
  );
}
