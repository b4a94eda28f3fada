import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PassOptions } from '../../passes/index.ts';
import type { Form } from '../functions/forms.ts';
import type { Condition } from '../functions/frelu.ts';
import type { Target } from '../functions/targets.ts';
import type { Renaming } from '../functions/trained.ts';
import { list, unknownName } from './names.ts';

/** What every command takes. */
export interface CommonFlags {
  readonly json?: boolean;
}

/** What commands that write a model take. */
export interface OutputFlags extends CommonFlags {
  readonly output?: string;
  readonly externalData?: string;
}

/** What is checked after each pass. */
const checks = ['structure', 'each-pass'] as const;
export type Check = (typeof checks)[number];

/** What commands that run passes take. */
export interface RewriteFlags extends OutputFlags {
  readonly explain?: boolean;
  readonly check?: Check;
}

/** Options of passes, as commander names them. */
export interface PassFlags {
  readonly form?: 'folded' | 'trainable' | 'fused';
  readonly init?: 'exact' | 'gaussian';
  readonly kernel?: number;
  readonly dilation?: number;
  readonly condition?: Condition;
  readonly combine?: 'max' | 'sum';
  readonly identity?: boolean;
  readonly seed?: number;
  /** A file of trained weights. */
  readonly weights?: string;
  /** Which activations take which of them. */
  readonly weightsMap?: readonly Renaming[];
  readonly weightsEpsilon?: number;
  readonly maxGrowth?: number;
  readonly duplicateConv?: boolean;
  readonly foldIntoScale?: boolean;
  readonly maxFoldError?: number;
  readonly target?: Target;
  readonly lowering?: Form;
  readonly maxError?: number;
  /** The glob, or '' for all. */
  readonly freezeInitializers?: string;
  readonly forceEval?: boolean;
}

/** Pass options by the option that gives them; a pass is told what was given, its defaults are its own. */
export function passOptions(flags: PassFlags): PassOptions {
  const { maxGrowth, duplicateConv, foldIntoScale, maxFoldError, target, lowering, maxError, freezeInitializers: glob } = flags;
  return {
    ...funnelOptions(flags),
    ...(maxGrowth !== undefined && { maxGrowth }),
    ...(duplicateConv && { duplicateConv }),
    ...(foldIntoScale && { foldIntoScale }),
    ...(maxFoldError !== undefined && { maxFoldError }),
    ...(target && { target }),
    ...(lowering && { lowering }),
    ...(maxError !== undefined && { maxError }),
    ...(glob && { freeze: glob }),
  };
}

/** Those of the funnels that a conversion makes. */
export function funnelOptions({ form, init, kernel, dilation, condition, combine, identity, seed }: PassFlags) {
  return {
    ...(form && { form }),
    ...(init && { init }),
    ...(kernel !== undefined && { kernel }),
    ...(dilation !== undefined && { dilation }),
    ...(condition && { condition }),
    ...(combine && { combine }),
    ...(identity && { identity }),
    ...(seed !== undefined && { seed }),
  };
}

export const jsonOption = () => new Option('--json', 'one JSON document instead of text');
export const outputOption = () => new Option('-o, --output <file>', "where the result goes: .onnx, .onnxtxt, or '-' for standard output");
export const externalDataOption = () =>
  new Option('--external-data <name>', 'keep the weights in a data file of this name beside the model');

/** One of a few words; another one is met with the word that was probably meant. */
export function choice(flags: string, description: string, words: readonly string[]): Option {
  const option = new Option(flags, description).choices(words);
  return option.argParser((word: string) => {
    if (words.includes(word)) return word;
    throw unknownName(`value for ${option.long}`, word, words);
  });
}

export const convertOptions = (): Option[] => [
  choice('--form <form>', 'what a FReLU is written as: Conv and Max; with BatchNormalization, to train; one function call', [
    'folded',
    'trainable',
    'fused',
  ]),
  choice('--init <start>', "the funnels' first weights: exactly the activation before, or the paper's N(0, 0.01²)", ['exact', 'gaussian']),
  new Option('--kernel <size>', 'window size, odd (default: 3)').argParser(wholeNumber(1)),
  new Option('--dilation <distance>', "distance between the window's taps (default: 1)").argParser(wholeNumber(1)),
  choice(
    '--condition <condition>',
    'what a pixel is compared with: a k×k convolution; a 1×k and a k×1 one, summed or the larger; a pool (default: conv)',
    ['conv', 'light-sum', 'light-max', 'max-pool', 'average-pool'] satisfies Condition[],
  ),
  choice('--combine <how>', "how: max(x, T(x)), or x + T(x) of the paper's ablation (default: max)", ['max', 'sum']),
  new Option('--identity', 'let Identity nodes become funnels too, max(x, x) at first'),
  seedOption('seed of random first weights (default: 0)'),
  new Option('--weights <file>', 'trained weights, by the names of activations: .npz, .safetensors or an ONNX model').conflicts([
    'init',
    'kernel',
  ]),
  new Option(
    '--weights-map <pairs>',
    "which activations take which weights, where names differ: 'relu_1=act2', '*.relu=*.relu1'; 'relu=' takes none, '=aux' is not wanted",
  ).argParser(renamings),
  new Option(
    '--weights-epsilon <number>',
    'the epsilon that funnels were normalised with, which files of tensors do not tell (default: 0.00001)',
  ).argParser(nonNegative),
];

/** What cleaning up may do beyond what is always right. */
export const simplifyOptions = (): Option[] => [
  new Option(
    '--freeze-initializers [glob]',
    'first make constants of the weights that a caller may override: all, or those of these names',
  ),
  new Option('--force-eval', 'first take BatchNormalization and Dropout out of training mode, which exporters leave on by mistake'),
  new Option(
    '--max-growth <bytes>',
    'how much folded constants may add to the file, such as 65536, 64KiB or 1MB (default: 64KiB)',
  ).argParser(bytes),
];

/** The same for folds. */
export const foldOptions = (): Option[] => [
  ...simplifyOptions(),
  new Option('--duplicate-conv', 'fold into a layer whose result has other uses too: it is computed twice then'),
  new Option('--fold-into-scale', 'fold BatchNormalization into the scales of quantised weights'),
  new Option(
    '--max-fold-error <bound>',
    'refuse a fold that may move an output by more than this times max |x| + 1 (--explain shows the bounds; default: no limit)',
  ).argParser(nonNegative),
];

/** How funnels are written in the end. */
export const loweringOptions = (): Option[] => [targetOption(), loweringOption()];
export const targetOption = () =>
  choice(
    '--target <runtime>',
    'where the model is to run: funnels take the form that is fastest there (max: the form that runs anywhere)',
    ['max', 'ort-cpu', 'ort-webgpu', 'ort-web', 'int8'] satisfies Target[],
  );
const loweringOption = () =>
  choice('--lowering <form>', 'one form for all funnels: Max(T, x), with BatchNormalization, x + relu(T − x), …, or one function call', [
    'max',
    'trainable',
    'residual',
    'identity-conv',
    'fused',
  ] satisfies Form[]).conflicts('target');
export const revertOption = () =>
  new Option(
    '--max-error <bound>',
    "how far a funnel's coefficients may be from an activation's, in sum: outputs of a site differ by at most this times max |x| + 1 (default: 0)",
  ).argParser(nonNegative);

export const explainOption = (description: string) => new Option('--explain', description);

/** Reporting and safety of the commands that run passes. */
export const rewriteOptions = (): Option[] => [
  outputOption(),
  explainOption('list every place that was rewritten or refused, and why'),
  choice(
    '--check [what]',
    "check after each pass: ONNX's rules (structure), or also that outputs stay the same, on ONNX Runtime (each-pass)",
    checks,
  ),
  externalDataOption(),
  jsonOption(),
];

export const seedOption = (description: string) => new Option('--seed <number>', description).argParser(wholeNumber(0));
export const listOption = (flags: string, description: string) => new Option(flags, description).argParser(list);

export function addOptions(command: Command, ...options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}

/** Examples at the end of a command's help. */
export function examples(command: Command, ...lines: readonly (readonly [command: string, why: string])[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map(([line, why]) => `  $ ${line}\n      ${why}`).join('\n')}`);
}

function renamings(text: string): Renaming[] {
  return list(text).map(pair => {
    const [activation, weights, ...more] = pair.split('=').map(name => name.trim());
    if (activation === undefined || weights === undefined || more.length > 0 || activation + weights === '')
      throw new InvalidArgumentError('Pairs are written ACTIVATION=WEIGHTS, with commas between them.');
    return [activation, weights];
  });
}

export function wholeNumber(least: number): (text: string) => number {
  return text => {
    const n = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(n) || n < least) throw new InvalidArgumentError(`It must be a whole number from ${least} on.`);
    return n;
  };
}

/** A number from 0 on, such as 1e-4. */
export function nonNegative(text: string): number {
  const x = text.trim() === '' ? Number.NaN : Number(text);
  if (!(x >= 0 && x < Number.POSITIVE_INFINITY)) throw new InvalidArgumentError('It must be a number from 0 on.');
  return x;
}

/** A number above 0. */
export function positive(text: string): number {
  const x = nonNegative(text);
  if (x === 0) throw new InvalidArgumentError('It must be a number above 0.');
  return x;
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  kib: 2 ** 10,
  m: 1e6,
  mb: 1e6,
  mib: 2 ** 20,
  g: 1e9,
  gb: 1e9,
  gib: 2 ** 30,
};

/** A number of bytes, such as 65536, 64KiB or 1MB. */
export function bytes(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  const factor = units[unit.toLowerCase()];
  if (number === '' || factor === undefined) throw new InvalidArgumentError('It must be a number of bytes, such as 65536, 64KiB or 1MB.');
  return Math.round(Number(number) * factor);
}

/**
 * `--freeze-initializers` takes its glob after `=` only: commander would take the next argument, which is the model. `--plan` takes the
 * next argument where that is a plan and no model, and `--check` where that is something to check, or a mere word that is no file.
 */
export function bindOptionalValues(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  return args.map((arg, i) => {
    if (end >= 0 && i > end) return arg;
    if (arg === '--check' && !isWord(args[i + 1])) return `${arg}=structure`;
    const bare = arg === '--freeze-initializers' || (arg === '--plan' && !args[i + 1]?.endsWith('.json'));
    return bare ? `${arg}=` : arg;
  });
}

/** What can be no model, so that a misspelt word is told. */
function isWord(arg: string | undefined): boolean {
  return checks.some(what => what === arg) || (arg !== undefined && /^\w[\w-]*$/.test(arg) && !existsSync(arg));
}
