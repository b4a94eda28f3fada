import { InvalidModel } from '../src/errors.ts';
import type { Model } from '../src/ir/model.ts';
import type { PassReport } from '../src/rewrite/pass.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { decode, encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import { print } from '../src/text/print.ts';
import type { InputKind } from '../src/verify/inputs.ts';
import { make, type Recipe } from './recipes.ts';
import type { Answer, Subject } from './subject.ts';

/** What a recipe did wrong; the kind stays the same while a failure is shrunk. */
export interface Failure {
  readonly kind: 'throws' | 'invalid' | 'interface' | 'second-run' | 'round-trip' | 'runtime' | 'values' | 'not-finite';
  readonly detail: string;
  /** The kind of input that shows it. */
  readonly input?: InputKind | undefined;
}

/** What came of one recipe. */
export interface Judgement {
  readonly failure: Failure | undefined;
  readonly reports: readonly PassReport[];
  readonly compared: boolean;
  /** Whether the difference is beyond tolerance, but no more than rounding of the weights makes. */
  readonly rounding: boolean;
  /** What of the runtime's own made it different. */
  readonly excuse?: string;
}

/** What the runtime makes of models that are right. */
const excuses = [
  [/InsertedPrecisionFreeCast/, 'ONNX Runtime loses itself in a Cast from half to half'],
  [/Graph attribute inferencing failed/, 'a branch that is never taken could not run'],
] as const;

function excuseOf({ kind, detail }: Answer & { same: false }, network: Model): string | undefined {
  if (kind === 'runtime') return excuses.find(([sign]) => sign.test(detail))?.[1];
  // Which of two numbers a NaN is, depends on the order they come in.
  const pools = kind === 'not-finite' && [...network.graph.allNodes()].some(node => node.op.name === 'MaxPool');
  return pools ? 'MaxPool of NaN' : undefined;
}

/** Puts a network through a recipe and looks at all that must hold of the result. */
export async function judge(subject: Subject, recipe: Recipe): Promise<Judgement> {
  const before = subject.model;
  const reports: PassReport[] = [];
  let compared = false;
  const failed = (kind: Failure['kind'], detail: string, input?: InputKind): Judgement => ({
    failure: { kind, detail, input },
    reports,
    compared,
    rounding: false,
  });
  try {
    const first = await rewrite(before, make(recipe.before, recipe), { check: true });
    const { model, report } = await rewrite(first.model, make(recipe.passes, recipe), { check: true, fixpoint: true });
    reports.push(...first.report, ...report);
    if (model === before) return { failure: undefined, reports, compared, rounding: false };
    const changed = interfaceChange(before, model, recipe.before.includes('freeze-initializers'));
    if (changed) return failed('interface', changed);
    const bytes = encode(model, { inline: true });
    const read = decode(bytes);
    const text = print(model);
    if (print(read) !== text) return failed('round-trip', `written and read back, it is\n${print(read)}`);
    if (print(parse(text)) !== text) return failed('round-trip', 'its text does not parse to itself');
    const again = await rewrite(read, make(recipe.passes, recipe), { check: true, fixpoint: true });
    if (!Buffer.from(bytes).equals(encode(again.model, { inline: true }))) {
      const fired = again.report.flatMap(r => r.fired.map(place => `${r.pass} at ${place.node}`));
      return failed('second-run', `a second run fires ${fired.join(', ')}`);
    }
    compared = true;
    const answer = await subject.compareWith(model, recipe.bitExact);
    // A funnel's window spreads infinities and NaN, as is documented.
    const spreads = [...recipe.before, ...recipe.passes].includes('relu-to-frelu');
    if (!answer.same && answer.kind === 'not-finite' && spreads) return { failure: undefined, reports, compared, rounding: true };
    const excuse = answer.same ? undefined : excuseOf(answer, before);
    if (excuse !== undefined) return { failure: undefined, reports, compared, rounding: false, excuse };
    return answer.same
      ? { failure: undefined, reports, compared, rounding: answer.rounding }
      : failed(answer.kind, answer.detail, answer.input);
  } catch (error) {
    const { stack = String(error), message } = error as Error;
    return error instanceof InvalidModel ? failed('invalid', message) : failed('throws', stack.split('\n').slice(0, 6).join('\n'));
  }
}

/** How inputs or outputs changed; undefined where they did not. A frozen initializer is no input any more. */
function interfaceChange(before: Model, after: Model, freezes: boolean): string | undefined {
  const edge = ({ graph: { inputs, outputs } }: Model) => {
    const given = freezes ? inputs.filter(v => v.definition.kind === 'input' && !v.definition.fallback) : inputs;
    return [given, outputs].map(values => values.map(v => `${v.name} ${JSON.stringify(v.type)}`).join(', ')).join(' => ');
  };
  const [a, b] = [edge(before), edge(after)];
  return a === b ? undefined : `${a}\nbecame\n${b}`;
}
