import type { Problem } from '../errors.ts';
import { type FunctionDef, functionKey, type Model } from './model.ts';
import type { Node } from './node.ts';
import { displayOp } from './op.ts';

/** What is wrong with a model's functions as such: two of one name, and functions that call themselves. */
export function checkFunctions(model: Model, problems: Problem[]): void {
  const byKey = new Map<string, FunctionDef>();
  for (const f of model.functions) {
    if (byKey.has(functionKey(f)))
      problems.push({ where: `function ${displayOp(f)}`, message: 'the model has two functions of this name' });
    byKey.set(functionKey(f), f);
  }
  const done = new Set<FunctionDef>();
  for (const start of byKey.values()) {
    // Depth first, on a stack of our own: chains of calls can be long.
    const path: { readonly f: FunctionDef; readonly calls: Iterator<FunctionDef> }[] = [];
    const active = new Set<FunctionDef>();
    const enter = (f: FunctionDef) => {
      active.add(f);
      path.push({ f, calls: callsOf(f, byKey) });
    };
    if (!done.has(start)) enter(start);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const { value: next, done: end } = top.calls.next();
      if (end) {
        done.add(top.f);
        active.delete(top.f);
        path.pop();
      } else if (active.has(next)) {
        const circle = [...path.slice(path.findIndex(p => p.f === next)).map(p => p.f), next];
        problems.push({ where: `function ${displayOp(next)}`, message: `it calls itself: ${circle.map(displayOp).join(' → ')}` });
      } else if (!done.has(next)) enter(next);
    }
  }
}

/** The functions that a function's body calls, each once. */
function* callsOf(f: FunctionDef, byKey: ReadonlyMap<string, FunctionDef>): Generator<FunctionDef> {
  const told = new Set<FunctionDef>();
  for (const node of f.body.allNodes()) {
    const called = byKey.get(functionKey(node.op));
    if (called && !told.has(called)) yield called;
    if (called) told.add(called);
  }
}

/** A call against its function's signature. Trailing inputs and outputs may be left out, and attributes are not asked for. */
export function checkCall(node: Node, { body }: FunctionDef, say: (message: string) => void): void {
  const { inputs, outputs } = body;
  const name = `the function ${displayOp(node.op)}`;
  if (node.inputs.length > inputs.length) say(`${name} takes at most ${inputs.length} inputs, not ${node.inputs.length}`);
  if (node.outputs.length > outputs.length) say(`${name} has at most ${outputs.length} outputs, not ${node.outputs.length}`);
}
