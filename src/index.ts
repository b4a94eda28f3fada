/**
 * onnx-funnel: read, rewrite, verify and write ONNX models.
 *
 * @packageDocumentation
 */
export { bench, cost, diff, type ModelOrPath, plan, type RewriteOptions, type RewriteResult, read, rewrite, verify, write } from './api.ts';
export {
  type CaseConfig,
  type CaseOptions,
  type Config,
  defineConfig,
  type PairCase,
  type PassesCase,
  type PipelineCase,
} from './ci/config.ts';
export { DecodeError, FunnelError, InvalidModel, PassFailed, type Problem, ProviderUnavailable, TextSyntaxError } from './errors.ts';
export type { Shapes } from './infer/shapes.ts';
export type { CostedForm, CostReport, FormCost, SiteCost } from './inspect/cost.ts';
export type { Change, Diff, DiffNode, NodeChange, Renamed, WeightEntry } from './inspect/diff.ts';
export { type Inspection, inspect } from './inspect/inspect.ts';
export type { Budget, Placement, Preset, Range } from './inspect/place.ts';
export { carryOut, type Plan, type PlanOptions, parsePlan } from './inspect/plan.ts';
export type { Attribute } from './ir/attribute.ts';
export { check, problemsOf } from './ir/check.ts';
export { Graph } from './ir/graph.ts';
export type { FunctionDef, Model } from './ir/model.ts';
export { Node, type Op } from './ir/node.ts';
export { type Dim, type Use, Value, type ValueType } from './ir/value.ts';
export type { BenchOptions } from './measure/bench.ts';
export type { ConfigurationTimes, LatencyRatio, Measurement, ModelTimes } from './measure/measurement.ts';
export { type Format, type ReporterOptions, render } from './report/reporters.ts';
export { readReport } from './report/schema.ts';
export type { Pass, PassReport, Place, RefusedPlace } from './rewrite/pass.ts';
export type { PipelineOptions, Rewritten } from './rewrite/pipeline.ts';
export { decode, encode } from './serde/model-file.ts';
export type { DType } from './tensor/dtype.ts';
export { Tensor } from './tensor/tensor.ts';
export { parse } from './text/parse.ts';
export { print } from './text/print.ts';
export { applyBaseline } from './verify/budget.ts';
export type { GeneratedInput, GeneratedTensor, GeneratorContext, InputGenerator } from './verify/data/generator.ts';
export type { PassComparison } from './verify/each-pass.ts';
export type { InputSet } from './verify/inputs.ts';
export { baselineOf, type DriftBaseline, type KnownDrift, readBaseline } from './verify/known-drift.ts';
export { type Case, type Report, reportOf } from './verify/report.ts';
export type { Verdict } from './verify/verdict.ts';
export type { VerifyOptions } from './verify/verify.ts';
