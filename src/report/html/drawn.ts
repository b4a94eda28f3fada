// What the browser is given to draw: it knows no models.

/** A box of a drawing: a node, an input of the model, or an output of it. */
export interface DrawnNode {
  readonly kind: 'node' | 'input' | 'output';
  readonly op: string;
  readonly name: string;
  readonly status: 'same' | 'changed' | 'added' | 'removed';
  readonly guilty: boolean;
  /** The same node in the other graph. */
  readonly twin?: number;
  /** What there is to say of it, a line each. */
  readonly facts: readonly string[];
}

/** A graph to be drawn: boxes in topological order, and edges between their places. */
export interface Drawn {
  readonly title: string;
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly (readonly [from: number, to: number])[];
}

export interface DrawnPair {
  readonly a: Drawn;
  readonly b: Drawn;
}
