/** What a code of a finding stands for. */
export interface Rule {
  /** A few words. */
  readonly title: string;
  /** What it means, and what to do about it. */
  readonly help: string;
}

const missing =
  'Inputs and outputs are matched by name: name it as the other model does, or leave it out with --exclude (an output, or an input with a default).';
const runtime = 'The message is that of ONNX Runtime.';

/** Every code that a verdict may hold. A test holds the list against the sources. */
export const rules: Readonly<Record<string, Rule>> = {
  'output-values': {
    title: 'An output differs',
    help: 'The values are further apart than the tolerance, which is derived from the element type and from the noise of A itself. --bisect says at which node they part; --atol and --rtol set another tolerance.',
  },
  'output-missing': { title: 'An output is missing', help: `A has an output that B has not. ${missing}` },
  'output-extra': { title: 'An output is in B only', help: `B has an output that A has not. ${missing}` },
  'output-type': {
    title: 'An output has another type',
    help: 'Values of different types are never the same; nor are maps of other names, or of names in another order.',
  },
  'output-shape': { title: 'An output has another shape', help: 'The declared sizes contradict each other.' },
  'input-missing': { title: 'An input is missing', help: `A has an input that B has not. ${missing}` },
  'input-extra': { title: 'An input is in B only', help: `B has an input that A has not. ${missing}` },
  'input-type': { title: 'An input has another element type', help: 'B cannot be fed with what A is fed with.' },
  'input-shape': { title: 'An input has another shape', help: 'B takes other sizes than A does.' },
  'input-default': {
    title: 'An input has another default, or none',
    help: 'A caller who leaves the input out gets something else than before, or an error. --exclude leaves the input out of the comparison.',
  },
  'input-not-feedable': {
    title: 'An input that can not be fed',
    help: 'It is a sequence, a map or an optional, for which no values can be made: nothing was run.',
  },
  'output-not-comparable': {
    title: 'An output that can not be compared',
    help: 'It is a sequence, a map or an optional. Leave it out with --exclude; the tensors it is made of can be outputs, too.',
  },
  'nothing-compared': {
    title: 'Nothing was compared',
    help: 'Nothing disagreed, because nothing could have: no output in common, no input, or values that are empty or NaN throughout.',
  },
  'over-budget': {
    title: 'Known drift has grown',
    help: 'The baseline accepts this drift up to a size, and it is larger now. If that is meant, --update-baseline writes the new one.',
  },
  'within-budget': {
    title: 'Known drift',
    help: 'The values differ by more than the tolerance, and by no more than the baseline accepts.',
  },
  'budget-too-wide': {
    title: 'A budget that accepts nearly anything',
    help: 'The accepted drift is about as large as the output itself. Inputs that the model is made for (--data, --inputs normal) drift less, and tell more.',
  },
  'baseline-smaller': {
    title: 'Known drift has shrunk',
    help: 'The baseline accepts more than is needed: --update-baseline lowers it.',
  },
  'baseline-unmatched': {
    title: 'A budget that nothing used',
    help: 'The baseline has entries for comparisons that were not made, or not on these inputs: other names, another seed, other sizes. They accept nothing. --update-baseline writes those that are needed.',
  },
  'random-output': {
    title: 'An output is random',
    help: 'A gives other values from run to run under the same input, so nothing can be said about B: leave the output out with --exclude, or give the random operators a seed.',
  },
  powerless: {
    title: 'A comparison that can not fail',
    help: 'B was broken on purpose, and nothing was noticed: other inputs, or narrower tolerances, are needed before agreement means anything.',
  },
  'unnoticed-mutation': {
    title: 'A fault that would go unnoticed',
    help: 'B was broken on purpose at this node, and the comparison did not notice: what the node does has little weight under these inputs. --layers looks closer.',
  },
  'self-check-impossible': { title: 'Nothing to break', help: 'The self-check found nothing in B that it could break.' },
  'layer-values': {
    title: 'A node computes something else',
    help: 'Fed with the values of A, the node does not give the value that A gives. The pass that made it, where one did, is named; --failures writes the smallest subgraphs that show it.',
  },
  'layers-incomplete': {
    title: 'Not every layer was compared',
    help: 'Some layers could not be run on their own: what lies behind them was not looked at.',
  },
  'no-culprit': {
    title: 'No single node is to blame',
    help: 'Each layer of B alone computes what A does: the difference adds up over many layers, or comes where the graph is optimised as a whole.',
  },
  'nan-input': { title: 'An input has NaN', help: 'What is computed from NaN is NaN, and says little.' },
  'stored-outputs': {
    title: 'A does not give the stored outputs',
    help: 'Beside the input data lie outputs that A does not reproduce: they may belong to another model.',
  },
  'sizes-tried-once': {
    title: 'One choice of sizes was tried',
    help: 'A leaves sizes open, but refuses those that are tried besides the first: what B takes for granted about sizes may go unseen. --shape gives sizes that A takes, several at will: --shape N=1,4.',
  },
  'data-limit': { title: 'Not all data was used', help: '--limit sets how many of the images, or sets of data, are used.' },
  'narrow-integers': {
    title: 'Few integers were tried',
    help: 'Nothing in the model tells which values of this input make sense, so only the smallest ones were tried: --data gives others. Indices of a table of known size are drawn from all of it.',
  },
  'constant-output': {
    title: 'An output does not depend on the inputs',
    help: 'It is the same under every input that was tried, so that its agreement says little.',
  },
  'nan-output': { title: 'An output is NaN', help: 'It is NaN under every input that was tried, so that nothing of it was compared.' },
  'sensitive-output': {
    title: 'An output is sensitive to rounding',
    help: 'It moves by more than a tolerance may allow when the inputs move by one rounding: differences may be noise.',
  },
  'runtime-drift': {
    title: 'ONNX Runtime itself drifts',
    help: 'A in this configuration is far from A on the CPU without optimisation, so B is compared with A in this configuration.',
  },
  'rounding-decides': {
    title: 'Rounding decides some elements',
    help: 'An index, a class or a quantised value is one of two neighbours by a hair: A itself gives another when its inputs move by one rounding. So many may be others.',
  },
  'software-adapter': { title: 'A software adapter', help: 'It is slow, so that only some inputs were run on it.' },
  'cpu-fallback': {
    title: 'Nodes ran on the CPU',
    help: 'The provider has no kernel for them, so that the runtime placed them on the CPU.',
  },
  interrupted: {
    title: 'The report is not complete',
    help: 'The run was interrupted, or stopped at the first difference, or parts of it are missing: what is reported holds, and more was to come.',
  },
  'runtime-load': { title: 'The model does not load', help: runtime },
  'runtime-unsupported-op': { title: 'An operator is not known to ONNX Runtime', help: runtime },
  'runtime-not-implemented': { title: 'There is no kernel for an operator', help: `${runtime} Another provider may have one.` },
  'runtime-shape': { title: 'Shapes do not fit', help: `${runtime} --shape gives sizes for the dimensions that a model leaves open.` },
  'runtime-memory': { title: 'The memory did not suffice', help: `${runtime} Smaller sizes (--shape) need less.` },
  'runtime-timeout': { title: 'A run took too long', help: '--timeout gives it more seconds.' },
  'runtime-crash': { title: 'ONNX Runtime crashed', help: 'It runs in a process of its own, which ended.' },
  'runtime-crashed': { title: 'ONNX Runtime crashed', help: 'It runs in a process of its own, which ended.' },
  'runtime-provider': { title: 'A provider is not available', help: 'The message says how it becomes available.' },
  'runtime-provider-missing': { title: 'A provider is not available', help: runtime },
  'runtime-other': { title: 'ONNX Runtime failed', help: runtime },
};

/** A code that is not in the list speaks for itself. */
export function ruleOf(code: string): Rule {
  const words = code.replaceAll('-', ' ');
  return rules[code] ?? { title: words.charAt(0).toUpperCase() + words.slice(1), help: 'See the message.' };
}
