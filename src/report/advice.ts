import type { ReasonCode } from '../rewrite/refusal.ts';

/** What a person can do about a refusal, said after its reason. */
export const advice: Readonly<Record<ReasonCode, string>> = {
  E_ATTRIBUTE: 'left as it is',
  E_BUDGET: 'raise --max-growth to allow it',
  E_CHANNELS: 'give the model fixed shapes, or export it with shapes',
  E_DTYPE: 'left as it is',
  E_DYNAMIC: 'fold-constants may make it a constant',
  E_FORM: 'left as it is',
  E_GRAPH_OUTPUT: 'remove that output to allow it',
  E_INTERFACE: 'left as it is',
  E_MULTI_USE: 'left as it is',
  E_NONFINITE: 'look at the parameters: a variance may be negative',
  E_OVERFLOW: 'store the parameters in a wider type',
  E_OVERRIDABLE: 'add --freeze-initializers to make them constants',
  E_PRODUCER: 'left as it is',
  E_QUANTISED: 'convert, fold and lower the model before it is quantised',
  E_RANK: 'left as it is',
  E_REFERENCE: 'run inline-functions first',
  E_RUNTIME: 'left as it is; --explain shows what it said',
  E_SHAPE: 'left as it is',
  E_SUBGRAPH: 'left as it is',
  E_TRAINING: 'export the model in evaluation mode',
  E_TRAP: 'train the folded form, or convert with --form trainable',
  E_UNFOLDED: 'fold-constants says why; --max-growth may allow it',
  E_WEIGHTS: 'left as it was; weights are found by the names of results, nodes or modules',
  E_UNDERFLOW: 'store the parameters in a wider type',
};
