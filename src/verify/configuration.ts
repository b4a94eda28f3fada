import type { Optimization } from '../runtime/session.ts';

/** An execution provider, and how far ONNX Runtime optimises the graph. */
export interface Configuration {
  readonly provider: string;
  readonly optimization: Optimization;
}

/** What A's results are the reference of: the CPU, and every node as the file has it. */
export const referenceConfiguration: Configuration = { provider: 'cpu', optimization: 'disabled' };

export const isReference = (c: Configuration): boolean => c.provider === 'cpu' && c.optimization === 'disabled';

/** `cpu all` */
export const nameOf = (c: Configuration): string => `${c.provider} ${c.optimization}`;
