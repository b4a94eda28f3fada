import { cloneFunction } from '../ir/clone.ts';
import { type FunctionDef, functionKey, type Model } from '../ir/model.ts';
import { displayOp } from '../ir/op.ts';
import { printFunction } from '../text/print.ts';
import { Refusal } from './refusal.ts';

/** The first IR version with model-local functions. */
const FUNCTION_IR_VERSION = 8;

/** Why a model can't take in a function: it has another of that name. */
export function importProblem(model: Model, f: FunctionDef): Refusal | undefined {
  const namesake = model.functions.find(g => functionKey(g) === functionKey(f));
  if (!namesake || printFunction(namesake) === printFunction(f)) return undefined;
  return new Refusal('E_INTERFACE', `the model has a function ${displayOp(f)} of its own, which is another one`);
}

/** Adds a function to a model: its definition, the import of its domain where it is called, and an IR version that has functions. */
export function importFunction(model: Model, caller: Map<string, number>, f: FunctionDef): void {
  for (const opsets of [model.opsets, caller]) opsets.set(f.domain, opsets.get(f.domain) ?? 1);
  model.irVersion = Math.max(model.irVersion, FUNCTION_IR_VERSION);
  if (!model.functions.some(g => functionKey(g) === functionKey(f))) model.functions.push(cloneFunction(f));
}
