import type { Tensor } from '../tensor/tensor.ts';
import { EPSILON } from './start.ts';
import type { TrainedBranch } from './weights.ts';

/** A funnel's weights as a file has them. */
export interface TrainedSite {
  /** `module`: named after a module, as in a state_dict. `value`: after a value or a node of a model. */
  readonly kind: 'module' | 'value';
  readonly name: string;
  /** Other names of the same. */
  readonly aliases: readonly string[];
  /** The module that a value's name tells of. */
  readonly module?: string | undefined;
  /** What the names of all tensors of the file have in common in front. */
  readonly wrapped: string;
  readonly branches: readonly TrainedBranch[];
  /** Of two branches the larger counts, and not their sum: known of models, not of files of tensors. */
  readonly compared?: boolean;
  /** They are a funnel's for sure, not those of some other depthwise convolution. */
  readonly sure: boolean;
  /** Why they can't be used. */
  readonly problem?: string | undefined;
}

/** What a convolution, and the normalization behind it, are called in a funnel of common codes. */
const convolution = /^(.+)\.(conv|conv_frelu|frelu_conv|funnel_condition|depthwise)_?([12]?)$/;
const normalizations = (n: string) => [`bn${n}`, `bn_frelu${n}`, `frelu_bn${n}`, `norm${n}`, ...(n === '' ? [] : [`bn_${n}`])];
const statistics = ['weight', 'bias', 'running_mean', 'running_var'] as const;

interface Found {
  readonly kind: 'module' | 'value';
  readonly name: string;
  readonly sure: boolean;
  readonly branches: TrainedBranch[];
  /** How the branches are numbered. */
  readonly numbers: string[];
  /** Names of the tensors that were taken. */
  readonly taken: Set<string>;
  problem?: string | undefined;
}

/**
 * The depthwise convolutions among named tensors, with the normalizations that go with them, by site: `<site>.conv_frelu.weight` and
 * `<site>.bn_frelu.*` and their like (PyTorch, MegEngine), `<site>.weight` (folded), `<site>_W` and `<site>_W_2` (models that funnel
 * made). `epsilon` is that of the normalizations, which such files do not tell. Others' depthwise convolutions are there too: which of them are funnels, the names of a model's activations decide.
 */
export function groupWeights(tensors: ReadonlyMap<string, Tensor>, epsilon = EPSILON): TrainedSite[] {
  const sites = new Map<string, Found>();
  const at = (kind: Found['kind'], name: string, sure: boolean): Found => {
    const key = `${kind}:${name}`;
    const site = sites.get(key) ?? { kind, name, sure, branches: [], numbers: [], taken: new Set<string>() };
    sites.set(key, site);
    return site;
  };
  for (const [name, weight] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isDepthwise(weight)) continue;
    const [, own, n = ''] = /^(.+)_W((?:_\d+)?)$/.exec(name) ?? [];
    const [, path] = /^(.+)\.weight$/.exec(name) ?? [];
    if (own !== undefined) {
      const take = taking(at('value', own, false), tensors, epsilon);
      take.site.taken.add(name);
      take.site.numbers.push(n);
      const norm = ['scale', 'B', 'mean', 'var'].map(part => `${own}_${part}${n}`);
      const normed = tensors.has(norm[0]!);
      take.site.branches.push({
        weight,
        norm: normed ? take.norm(norm, own) : undefined,
        bias: normed ? undefined : take.vector(norm[1]!),
      });
    } else if (path !== undefined) {
      const [, site = path, , number = ''] = convolution.exec(path) ?? [];
      const bn = site === path ? undefined : normalizations(number).find(bn => statistics.some(s => tensors.has(`${site}.${bn}.${s}`)));
      const sure = /frelu|funnel/i.test(path) || bn !== undefined;
      const take = taking(at('module', site, sure), tensors, epsilon);
      take.site.taken.add(name);
      take.site.numbers.push(number);
      const norm =
        bn === undefined
          ? undefined
          : take.norm(
              statistics.map(s => `${site}.${bn}.${s}`),
              `${site}.${bn}`,
            );
      take.site.branches.push({ weight, norm, bias: take.vector(`${path}.bias`) });
    }
  }
  const wrapped = commonStart([...tensors.keys()]);
  return [...sites.values()].map(({ kind, name, sure, branches, numbers, taken, problem }) => ({
    kind,
    name,
    aliases: [],
    wrapped,
    branches,
    sure,
    problem: problem ?? unpaired(name, numbers) ?? (kind === 'module' ? strangerIn(name, taken, tensors) : undefined),
  }));
}

/** Takes a site's tensors, and notes what is missing among them. */
function taking(site: Found, tensors: ReadonlyMap<string, Tensor>, epsilon: number) {
  const vector = (name: string): Tensor | undefined => {
    const found = tensors.get(name);
    if (found) site.taken.add(name);
    // MegEngine keeps vectors as [1, C, 1, 1].
    return found?.reshape([found.size]);
  };
  const norm = (names: readonly string[], path: string): TrainedBranch['norm'] => {
    const [scale, bias, mean, variance] = names.map(vector);
    const missing = names.filter(name => !tensors.has(name));
    // Funnels are written with one ε; what another has more goes into the variance.
    if (scale && bias && mean && variance)
      return { scale, bias, mean, variance: epsilon === EPSILON ? variance : variance.add(epsilon - EPSILON) };
    site.problem ??= `the normalization ${path} lacks ${missing.join(', ')}`;
    return undefined;
  };
  return { site, vector, norm };
}

/** One convolution, or two that are numbered as such: others are not those of a funnel. */
function unpaired(site: string, numbers: readonly string[]): string | undefined {
  return ['', '1,2', ',_2'].includes(numbers.join()) ? undefined : `it is not clear which convolutions of ${site} are its funnel's`;
}

/** A parameter of a site that is none of a funnel's: something would be missing without it. */
function strangerIn(site: string, taken: ReadonlySet<string>, tensors: ReadonlyMap<string, Tensor>): string | undefined {
  const stranger = [...tensors.keys()].find(
    name => name.startsWith(`${site}.`) && !taken.has(name) && !name.endsWith('.num_batches_tracked'),
  );
  return stranger && `it is not clear what ${stranger} does in the funnel ${site}`;
}

function commonStart([first = '', ...others]: readonly string[]): string {
  let n = first.length;
  for (const name of others) while (!name.startsWith(first.slice(0, n))) n--;
  return first.slice(0, n);
}

function isDepthwise({ dims, dtype }: Tensor): boolean {
  const window = dims.slice(2);
  return dims.length >= 3 && dims.length <= 5 && dims[1] === 1 && window.every(k => k % 2 === 1) && /^(b?float|double)/.test(dtype);
}
