/** Why a place that looks right for a pass is left alone: stable codes for scripts. */
export const reasons = {
  E_ATTRIBUTE: 'an attribute has a value the rewrite does not cover',
  E_BUDGET: 'the file would grow by more than the budget allows',
  E_CHANNELS: 'the number of channels is not known',
  E_DTYPE: 'the element type is not supported',
  E_DYNAMIC: 'a parameter is computed at run time',
  E_ERROR: 'the result might change by more than is allowed',
  E_FORM: 'the computation has another form',
  E_GRAPH_OUTPUT: 'an inner result is an output of the graph',
  E_INTERFACE: "the model's inputs and outputs would change",
  E_MULTI_USE: 'an inner result has other uses',
  E_NONFINITE: 'a new parameter would not be finite',
  E_OVERFLOW: 'a new parameter would overflow its element type',
  E_OVERRIDABLE: 'a parameter can be overridden by the caller',
  E_PRODUCER: 'the operator before it can not take it in',
  E_QUANTISED: 'the activation is quantised',
  E_RANK: 'the input is not an image, or nothing is known of its rank',
  E_REFERENCE: 'an attribute is given by the caller of the function',
  E_RUNTIME: 'ONNX Runtime could not compute it',
  E_SHAPE: 'the shapes do not fit',
  E_SIZE: 'the graph would become very large',
  E_SUBGRAPH: 'the match crosses into a nested graph',
  E_TRAINING: 'the node is in training mode',
  E_TRAP: 'training would start with gradients hundreds of times too large',
  E_UNFOLDED: 'a parameter is computed from constants that were not folded',
  E_WEIGHTS: 'the file of weights has none that fit it',
  E_UNDERFLOW: 'a new parameter would vanish in its element type',
} as const;

export type ReasonCode = keyof typeof reasons;

/** A match that is left alone, and why. */
export class Refusal {
  readonly code: ReasonCode;
  /** The particulars of this place, in a sentence. */
  readonly detail: string;
  constructor(code: ReasonCode, detail: string = reasons[code]) {
    this.code = code;
    this.detail = detail;
  }
}
