import { FunnelError } from '../errors.ts';
import { Tensor } from '../tensor/tensor.ts';
import { deadChannels } from './linear.ts';
import { type Branch, EPSILON, neutralNormalization } from './start.ts';

/** One convolution of a funnel as it was trained: weight [C, 1, …window], window sizes odd; all others [C]. */
export interface TrainedBranch {
  readonly weight: Tensor;
  readonly bias?: Tensor | undefined;
  /** γ, β, μ, σ² of the BatchNormalization behind it, ε = 1e-5. */
  readonly norm?: { readonly scale: Tensor; readonly bias: Tensor; readonly mean: Tensor; readonly variance: Tensor } | undefined;
  /** Taps per axis; 1 where nothing else is said. */
  readonly dilations?: readonly number[];
}

/** Trained funnels by the names of their sites, and the file they come from. */
export class TrainedWeights {
  readonly source: string;
  readonly #bySite: ReadonlyMap<string, readonly TrainedBranch[]>;
  readonly #used = new Set<string>();

  constructor(source: string, bySite: ReadonlyMap<string, readonly TrainedBranch[]>) {
    this.source = source;
    this.#bySite = bySite;
  }

  /** The sites that the file has weights for. */
  get sites(): string[] {
    return [...this.#bySite.keys()];
  }
  /** Whether any site was found. */
  get wasUsed(): boolean {
    return this.#used.size > 0;
  }

  /**
   * The weights of an activation, by the name of its result, by its node's, or by the module path that PyTorch's exporter made its name
   * from; undefined where the file has none.
   * @throws FunnelError `E_WEIGHTS` for weights of another shape
   */
  find(names: readonly string[], channels: number): readonly TrainedBranch[] | undefined {
    const name = [...names, ...names.map(modulePath)].find(n => n !== '' && this.#bySite.has(n));
    if (name === undefined) return undefined;
    if (this.#used.has(name) && !names.includes(name))
      throw new FunnelError(
        'E_WEIGHTS',
        `${this.source}: several activations may be meant by ${name}; name the weights after their results`,
      );
    this.#used.add(name);
    const branches = this.#bySite.get(name)!;
    const misfit = branches.find(b => b.weight.dims[0] !== channels);
    if (misfit)
      throw new FunnelError(
        'E_WEIGHTS',
        `weights of another shape: the activation ${names[0]} has ${channels} channels, ${this.source} has [${misfit.weight.dims}] for it`,
      );
    return branches;
  }
}

/** `/layer1/layer1.0/relu/Relu_output_0`, as PyTorch's exporter names the result of module `layer1.0.relu`, as that module's path. */
export function modulePath(name: string): string {
  const segments = name
    .replace(/_output_\d+$/, '')
    .split('/')
    .filter(s => s !== '');
  if (segments.length > 1 && /^[A-Z][A-Za-z]+(_\d+)?$/.test(segments.at(-1)!)) segments.pop();
  // Each module's segment repeats its parents' path: /layer1/layer1.0/…
  return segments.filter((s, i) => !segments[i + 1]?.startsWith(`${s}.`)).join('.');
}

/** What a convolution, and the normalization behind it, are called in a funnel of common codes. */
const convolution = /^(.+)\.(conv|conv_frelu|frelu_conv|funnel_condition|depthwise)_?([12]?)$/;
const normalizations = (n: string) => [`bn${n}`, `bn_frelu${n}`, `frelu_bn${n}`, `norm${n}`, ...(n === '' ? [] : [`bn_${n}`])];

/**
 * The depthwise convolutions among named tensors, with the normalizations that go with them, by site: `<site>.conv_frelu.weight` and
 * `<site>.bn_frelu.*` and their like (PyTorch), `<site>.weight` (folded), `<site>_W` and `<site>_W_2` (models that funnel made). Others'
 * depthwise convolutions are there too: which of them are funnels, the names of a model's activations decide.
 */
export function groupWeights(tensors: ReadonlyMap<string, Tensor>): Map<string, TrainedBranch[]> {
  const sites = new Map<string, TrainedBranch[]>();
  const add = (site: string, branch: TrainedBranch) => sites.set(site, [...(sites.get(site) ?? []), branch]);
  for (const [name, weight] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isDepthwise(weight)) continue;
    const [, own, n = ''] = /^(.+)_W((?:_\d+)?)$/.exec(name) ?? [];
    if (own !== undefined) {
      const part = (suffix: string) => tensors.get(`${own}_${suffix}${n}`);
      const norm = normOf(part('scale'), part('B'), part('mean'), part('var'));
      add(own, { weight, norm, bias: norm ? undefined : part('B') });
      continue;
    }
    const [, path] = /^(.+)\.weight$/.exec(name) ?? [];
    if (path === undefined) continue;
    const [, site = path, , number = ''] = convolution.exec(path) ?? [];
    const norm =
      site === path
        ? undefined
        : normalizations(number)
            .map(bn => torchNorm(tensors, `${site}.${bn}`))
            .find(found => found);
    add(site, { weight, norm, bias: tensors.get(`${path}.bias`) });
  }
  return sites;
}

function torchNorm(tensors: ReadonlyMap<string, Tensor>, path: string): TrainedBranch['norm'] {
  const part = (name: string) => tensors.get(`${path}.${name}`);
  return normOf(part('weight'), part('bias'), part('running_mean'), part('running_var'));
}

function normOf(scale?: Tensor, bias?: Tensor, mean?: Tensor, variance?: Tensor): TrainedBranch['norm'] {
  return scale && bias && mean && variance ? { scale, bias, mean, variance } : undefined;
}

function isDepthwise({ dims, dtype }: Tensor): boolean {
  const window = dims.slice(2);
  return dims.length >= 3 && dims.length <= 5 && dims[1] === 1 && window.every(k => k % 2 === 1) && /^(b?float|double)/.test(dtype);
}

/**
 * A trained branch as a funnel starts with it, in the element type of `like`. With `trainable`, its normalization is kept (a bias before
 * it goes into the mean), or a neutral one is put behind it; without, W′ = W·γ/√(σ² + ε), B′ = (B − μ)·γ/√(σ² + ε) + β.
 * Undefined where training would begin with weights 0 under a γ that is not.
 */
export function startFrom({ weight, bias, norm }: TrainedBranch, dtype: Tensor['dtype'], trainable: boolean): Branch | undefined {
  const channels = weight.dims[0]!;
  const zeros = Tensor.fill(dtype, [channels], 0);
  const neutral = neutralNormalization(channels, dtype);
  const to = (t: Tensor) => t.as(dtype);
  if (trainable) {
    const { scale } = norm ?? neutral;
    const gammas = scale.numbers();
    const dead = deadChannels({ weight, bias: zeros, dilations: [] });
    if (dead.some(c => gammas[c] !== 0)) return undefined;
    if (!norm) return { weight: to(weight), bias: bias ? to(bias) : zeros, ...neutral };
    const mean = bias ? norm.mean.sub(bias) : norm.mean;
    return { weight: to(weight), scale: to(norm.scale), bias: to(norm.bias), mean: to(mean), variance: to(norm.variance) };
  }
  if (!norm) return { weight: to(weight), bias: bias ? to(bias) : zeros, ...neutral };
  const k = norm.scale.div(norm.variance.add(EPSILON).sqrt());
  const shift = (bias ? bias.sub(norm.mean) : norm.mean.mul(-1)).mul(k).add(norm.bias);
  return { weight: to(weight.mul(k.along(0, weight.rank))), bias: to(shift), ...neutral };
}
