/** Levels of ONNX Runtime's graph optimisation, from none to all. */
export const optimizations = ['disabled', 'basic', 'extended', 'all'] as const;
export type Optimization = (typeof optimizations)[number];
