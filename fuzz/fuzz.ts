import { closeFactRuntime, factRuntime } from '../src/infer/runtime.ts';
import { type ModelInterface, Runtime } from '../src/runtime/session.ts';
import { print } from '../src/text/print.ts';
import { Dice } from './dice.ts';
import { type Failure, judge } from './judge.ts';
import { makeNetwork } from './network.ts';
import { type Recipe, recipesFor } from './recipes.ts';
import { shrink } from './shrink.ts';
import { Subject } from './subject.ts';
import type { Tally } from './tally.ts';

export interface FuzzOptions {
  readonly seed: string;
  readonly tally: Tally;
  /** The only network to make, by its number. */
  readonly only?: number | undefined;
  /** What each network is put through; default: every pipeline. */
  readonly recipes?: (dice: Dice) => readonly Recipe[];
  /** Whether to make another network, when so many have been begun. */
  goesOn(started: number): boolean;
  onProgress?(): void;
  /** Called with a failure as the text of a golden case. */
  onFailure(name: string, text: string): void;
}

/** Networks that are in work at a time: while one waits for the runtime, another is rewritten. */
const LANES = 3;

/** Makes random networks, puts each through its recipes, and shrinks what fails. */
export async function fuzz(options: FuzzOptions): Promise<void> {
  const runtime = new Runtime({ timeout: 30_000 });
  await rememberFacts();
  let started = 0;
  const lane = async () => {
    while (options.goesOn(started)) {
      const number = options.only ?? started;
      started++;
      await examine(number, runtime, options);
      options.onProgress?.();
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  await Promise.all([runtime.close(), closeFactRuntime()]);
}

/** Pipelines ask the same of the same models again and again: most of the time would go there. */
async function rememberFacts(): Promise<void> {
  const facts = await factRuntime();
  const ask = facts.outputTypes.bind(facts);
  const known = new Map<string, Promise<ModelInterface>>();
  facts.outputTypes = (model, options) => {
    if (!('bytes' in model) || options) return ask(model, options);
    const key = Buffer.from(model.bytes).toString('latin1');
    const answer = known.get(key) ?? ask(model);
    if (known.size > 500) known.clear();
    known.set(key, answer);
    return answer;
  };
}

async function examine(number: number, runtime: Runtime, { seed, tally, onFailure, recipes = recipesFor }: FuzzOptions): Promise<void> {
  const name = `${seed}-${number}`;
  const model = makeNetwork(name);
  const subject = await Subject.of(model, runtime);
  if (typeof subject === 'string') return tally.discard(subject);
  tally.networks++;
  const seen = new Set<string>();
  for (const recipe of recipes(new Dice(`recipes ${name}`))) {
    const judgement = await judge(subject, recipe);
    tally.count(judgement);
    const { failure } = judgement;
    // The same failure in another pipeline tells nothing more.
    if (!failure || seen.has(failure.kind)) continue;
    seen.add(failure.kind);
    const small = await shrink({ model, recipe, failure }, runtime);
    onFailure(`${name}-${failure.kind}`, describe(seed, number, small.recipe, small.failure) + print(small.model));
  }
}

/** The comments before a failing network. */
function describe(seed: string, number: number, { name, before, passes, options }: Recipe, { kind, detail }: Failure): string {
  return [
    `# npm run fuzz -- --seed ${seed} --only ${number}`,
    `# ${name}: ${[...before, ...passes].join(' ')}`,
    `# options: ${JSON.stringify(options)}`,
    ...`${kind}: ${detail}`.split('\n').map(line => `# ${line}`),
    '',
  ].join('\n');
}
