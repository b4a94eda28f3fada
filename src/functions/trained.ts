import { FunnelError } from '../errors.ts';
import type { Model } from '../ir/model.ts';
import { labelOf, type Node } from '../ir/node.ts';
import { Modules, moduleOf } from './modules.ts';
import { EPSILON } from './start.ts';
import type { TrainedSite } from './trained-file.ts';

/** Which weights an activation takes: `*.relu_1` those of `*.relu2`. Without a second name, none; without a first, they are not wanted. */
export type Renaming = readonly [activation: string, weights: string];

const fail = (what: string): never => {
  throw new FunnelError('E_WEIGHTS', what);
};

/** Trained funnels of a file, and the activations of a model that they belong to. What is not certain is an error, never a guess. */
export class TrainedWeights {
  readonly source: string;
  readonly #sites: readonly TrainedSite[];
  readonly #renamings: readonly Renaming[];
  readonly #usedBy = new Map<TrainedSite, Node>();
  readonly #without = new Set<string>();
  #modules: Modules | undefined;
  #prefix = '';

  constructor(source: string, sites: readonly TrainedSite[], renamings: readonly Renaming[] = []) {
    this.source = source;
    this.#sites = sites;
    this.#renamings = renamings;
  }

  /** @throws FunnelError `E_WEIGHTS` where no activation of the model took any of them */
  checkAnyUsed(model: string): void {
    if (this.#usedBy.size > 0) return;
    const names = some(this.#sites.map(site => site.name));
    fail(`${this.source} has weights for ${names}; no activation of ${model} is called that${MAP} takes which`);
  }

  /** Looks at the model that activations are to be asked for. */
  lookAt(model: Model): void {
    const modules = new Modules(model);
    this.#modules = modules;
    this.#usedBy.clear();
    this.#without.clear();
    const fits = (prefix: string) =>
      this.#sites.some(({ kind, name }) => kind === 'module' && name.startsWith(prefix) && modules.names.has(name.slice(prefix.length)));
    // What wraps a whole file (`module.`, `state_dict/`) is no module of the model.
    const [first] = this.#sites;
    for (this.#prefix = ''; first && !fits(this.#prefix); ) {
      const wrapper = /^[^./]+[./]/.exec(first.name.slice(this.#prefix.length))?.[0];
      const longer = wrapper && this.#prefix + wrapper;
      if (
        !longer ||
        modules.paths.has(wrapper.slice(0, -1)) ||
        !this.#sites.every(s => s.kind === 'module' && s.wrapped.startsWith(longer))
      )
        break;
      this.#prefix = longer;
    }
    if (!fits(this.#prefix)) this.#prefix = '';
  }

  /**
   * The weights of an activation; undefined where the file has none.
   * @throws FunnelError `E_WEIGHTS` for weights of another shape or without value, and where several may be meant
   */
  find(node: Node, channels: number): TrainedSite | undefined {
    const result = node.outputs[0]!.name;
    const module = this.#modules?.nameOf(node);
    const names = [module, result, node.name].filter(n => n !== undefined && n !== '') as string[];
    const said = this.#renamed(names);
    if (said?.name === '') return undefined;
    const found =
      said === undefined
        ? this.#meant(node, module)
        : this.#sites.filter(site => [this.#nameOf(site), site.name, ...site.aliases, site.module].includes(said.name));
    if (said?.exact && found.length === 0) fail(`${this.source} has no weights called ${said.name}, which ${names[0]} is to take`);
    if (found.length > 1) fail(`${this.source} has several weights that ${names[0]} may mean`);
    const [site] = found;
    if (!site) {
      this.#checkReuse(module);
      this.#without.add(names[0]!);
      return undefined;
    }
    const other = this.#usedBy.get(site);
    if (other && other !== node && said === undefined)
      fail(`${this.source}: both ${labelOf(other)} and ${labelOf(node)} may be meant by ${site.name}${MAP}`);
    this.#usedBy.set(site, node);
    if (site.problem !== undefined) fail(`${this.source}: ${site.problem}`);
    checkNumbers(site, names[0]!, channels, this.source);
    return site;
  }

  /** @throws FunnelError `E_WEIGHTS` where the file has funnels that belong to no activation: they would be missing. */
  checkUsed(): void {
    const unwanted = (site: TrainedSite) =>
      this.#renamings.some(([from, to]) => from === '' && matched(to, this.#nameOf(site)) !== undefined);
    const unused = this.#sites.filter(site => site.sure && !this.#usedBy.has(site) && !unwanted(site) && !this.#isKnown(site));
    if (unused.length === 0) return;
    const left = [...this.#without];
    const whole = `${this.source} has funnels that no activation is called like: ${some(unused.map(site => this.#nameOf(site)))}`;
    fail(
      left.length === 0
        ? `${whole}; --weights-map '=NAME' leaves them out`
        : `${whole}; activations without weights: ${some(left)}; say which takes which, such as --weights-map '${left[0]}=${this.#nearest(left[0]!, unused)}'`,
    );
  }

  /** By the names of values and nodes, for weights that are named after these; by its module, for a module's. */
  #meant(node: Node, module: string | undefined): TrainedSite[] {
    const own = [node.outputs[0]!.name, node.name].filter(n => n !== '');
    // A plain name means a module only where nothing is known of modules.
    const plain = moduleOf(node) === undefined ? own : [];
    return this.#sites.filter(site => {
      if (site.kind === 'value' && [site.name, ...site.aliases].some(n => own.includes(n))) return true;
      const path = site.kind === 'module' ? this.#nameOf(site) : site.module;
      return path !== undefined && (path === module || plain.includes(path));
    });
  }

  #nameOf(site: TrainedSite): string {
    return site.kind === 'module' && site.name.startsWith(this.#prefix) ? site.name.slice(this.#prefix.length) : site.name;
  }

  /** What the caller said of an activation: the weights it takes; by its own name, or by a pattern that need not mean it. */
  #renamed(names: readonly string[]): { readonly name: string; readonly exact: boolean } | undefined {
    for (const [from, to] of this.#renamings) {
      if (from === '') continue;
      for (const name of names) {
        const star = matched(from, name);
        if (star !== undefined) return { name: to.replace('*', () => star), exact: !from.includes('*') };
      }
    }
    return undefined;
  }

  /** Weights of a module that is used twice may be meant for the one use, or for both. */
  #checkReuse(module: string | undefined): void {
    const base = module?.replace(/_\d+$/, '');
    if (base === undefined || base === module || !this.#modules?.names.has(base)) return;
    if (this.#sites.some(site => site.kind === 'module' && this.#nameOf(site) === base))
      fail(
        `${base} is used again as ${module}, for which ${this.source} has no weights: --weights-map '${module}=${base}' shares them, '${module}=' leaves that activation as it is`,
      );
  }

  /** The model has a module of that name, whose weights they are if nothing asked for them. */
  #isKnown(site: TrainedSite): boolean {
    return site.kind === 'module' && this.#modules !== undefined && this.#modules.paths.has(this.#nameOf(site));
  }

  #nearest(activation: string, unused: readonly TrainedSite[]): string {
    const parent = activation.slice(0, activation.lastIndexOf('.') + 1);
    const names = unused.map(site => this.#nameOf(site));
    return names.find(n => parent !== '' && n.startsWith(parent)) ?? names[0]!;
  }
}

const MAP = "; --weights-map 'ACTIVATION=WEIGHTS' says which";

/** What the star of a pattern stands for in a name, '' for a pattern without one; undefined where they differ. */
function matched(pattern: string, name: string): string | undefined {
  const [head = '', tail] = pattern.split('*');
  if (tail === undefined) return pattern === name ? '' : undefined;
  const fits = name.length >= head.length + tail.length && name.startsWith(head) && name.endsWith(tail);
  return fits ? name.slice(head.length, name.length - tail.length) : undefined;
}

function checkNumbers({ branches }: TrainedSite, activation: string, channels: number, source: string): void {
  for (const { weight, bias, norm } of branches) {
    const vectors = [bias, norm?.scale, norm?.bias, norm?.mean, norm?.variance].filter(v => v !== undefined);
    const misfit = weight.dims[0] === channels ? vectors.find(v => v.size !== channels) : weight;
    if (misfit)
      fail(`weights of another shape: the activation ${activation} has ${channels} channels, ${source} has [${misfit.dims}] for it`);
    if (![weight, ...vectors].every(t => Array.from(t.numbers()).every(Number.isFinite)))
      fail(`${source}: the weights of ${activation} are not finite`);
    if (norm && Array.from(norm.variance.numbers()).some(v => v < -EPSILON)) fail(`${source}: a variance of ${activation} is negative`);
  }
}

const some = (names: readonly string[]) =>
  names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
