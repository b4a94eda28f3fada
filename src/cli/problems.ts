import { InvalidConfig, InvalidModel, type Problem } from '../errors.ts';
import { oneLine } from './failure.ts';

/** Problems that are listed before the rest is counted. */
const MOST_LINES = 20;

/** What is wrong with a model or a configuration, where an error is about an invalid one. */
export function problemsOfError(error: unknown): readonly Problem[] {
  if (error instanceof InvalidModel || error instanceof InvalidConfig) return error.problems;
  return error instanceof Error && error.cause instanceof InvalidModel ? error.cause.problems : [];
}

/** The lines below the first one: each problem of several. */
export function problemLines(error: unknown): string[] {
  const problems = problemsOfError(error);
  if (problems.length < 2) return [];
  const lines = problems.slice(0, MOST_LINES).map(({ where, message }) => oneLine(`  ${where}: ${message}`));
  const more = problems.length - lines.length;
  return more > 0 ? [...lines, `  and ${more} more; --json lists them all`] : lines;
}

/** The same as a JSON document; undefined for other errors. */
export function problemsJson(error: unknown): string | undefined {
  const problems = problemsOfError(error);
  if (problems.length === 0) return undefined;
  return JSON.stringify({ schema: 'onnx-funnel/invalid@1', message: (error as Error).message, problems }, undefined, 2);
}
