import type { JsonNumber } from './compare.ts';
import type { Configuration } from './configuration.ts';

/** A node as reports name it. */
export interface NodeRef {
  /** Its own name, or that of its first result. */
  readonly name: string;
  /** `Conv`, or `com.microsoft.FusedConv` outside ONNX's own domain. */
  readonly operator: string;
  /** The passes that made it, and the nodes they made it of, where the file says so. */
  readonly pass?: string;
  readonly from?: string;
}

/** Two tensors in few numbers; see `Comparison`. */
export interface Drift {
  readonly relativeL2: JsonNumber;
  readonly maxAbs: JsonNumber;
}

/** A value that both models compute. */
export interface Layer {
  readonly value: string;
  /** What computes it in B. */
  readonly node: NodeRef;
  readonly elements: number;
  /**
   * - `same`: B computes it as A does, from A's values.
   * - `different`: it does not, and what follows from it differs too.
   * - `reused-name`: it does not, and nothing that follows differs: B uses the name for something else.
   */
  readonly status: 'same' | 'different' | 'reused-name';
  /** What this layer alone does: B's nodes fed with A's values. */
  readonly local: Drift & { readonly allowed: number; readonly violations: number };
  /** What all layers up to here do together: B's values against A's. */
  readonly accumulated: Drift;
}

/** Where B first goes wrong: nodes between values that agree and one that does not. */
export interface Culprit {
  readonly value: string;
  /** The node of B that computes it; where A has it, too, the last one of those that lead to it and that A has otherwise. */
  readonly node: NodeRef;
  /** The nodes of B, and of A, from the values that agree to this one. */
  readonly nodes: { readonly a: readonly NodeRef[]; readonly b: readonly NodeRef[] };
  /** How far it is off, in words. */
  readonly message: string;
  /** Folder with the smallest subgraphs that differ (`a.onnx`, `b.onnx`) and their inputs (`test_data_set_0`); undefined where none was asked for. */
  readonly folder?: string;
}

/** B held against A layer by layer, in one configuration under one input. */
export interface LayerReport extends Configuration {
  readonly input: string;
  /** Values that both models compute, in B's order. */
  readonly layers: readonly Layer[];
  readonly culprits: readonly Culprit[];
  /** What could not be found out, and why; empty when all was. */
  readonly notes: readonly string[];
}

/** One way of breaking B, and whether the comparison saw it. */
export interface Mutation {
  /** Such as `activation-dropped`, `weight-perturbed`, `operands-swapped`. */
  readonly kind: string;
  /** The node that was broken. */
  readonly node: string;
  readonly detected: boolean;
  /** What was done, and what came of it. */
  readonly message: string;
}

/** What the comparison is worth: B was broken on purpose, again and again, and compared in the same way. */
export interface SelfCheck {
  readonly mutations: readonly Mutation[];
  readonly detected: number;
}
