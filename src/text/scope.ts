/** The names that can be seen at a point of a graph: its own, then those of the graphs around it. */
export class Scope<T> {
  readonly #own = new Map<string, T>();
  readonly #outer: Scope<T> | undefined;

  constructor(outer?: Scope<T>) {
    this.#outer = outer;
  }

  find(name: string): T | undefined {
    return this.#own.get(name) ?? this.#outer?.find(name);
  }

  /** Whether this very graph defines the name. */
  defines(name: string): boolean {
    return this.#own.has(name);
  }

  define(name: string, value: T): void {
    this.#own.set(name, value);
  }
}
