import type { Verdict } from '../../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../../src/verify/verify.ts';
import { model, runtime } from './runtime.ts';

/** Compares two models that are given as text. */
export const check = (a: string, b: string, options?: VerifyOptions) => verify(model(a), model(b), { runtime, ...options });
export const codes = (v: Verdict) => v.reasons.map(r => r.code);
export const quick = { kinds: ['normal'], optimizations: ['disabled'] } as const satisfies VerifyOptions;

export const relu = 'g (float[N, 3] x) => (float[N, 3] y) { y = Relu (x) }';
export const identity = 'g (float[N, 3] x) => (float[N, 3] y) { y = Identity (x) }';
