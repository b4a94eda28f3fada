/**
 * The rule language: patterns to look for (`p`), what takes their place, and passes made of rules.
 *
 * @packageDocumentation
 */
export type { Arg, Builder } from './builder.ts';
export { type Hooks, type Pass, type PassReport, type Place, pass, type RefusedPlace } from './pass.ts';
export { any, constant, either, known, type Matched, NodePattern, optional, Pattern, p } from './pattern.ts';
export { type ReasonCode, Refusal, reasons } from './refusal.ts';
export { type Rule, rule } from './rule.ts';
