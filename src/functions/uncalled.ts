import { bodies, type FunctionDef, functionKey, type Model } from '../ir/model.ts';

/**
 * Drops the functions that the main graph does not reach (only those of `domain`, if one is given), and the imports of their domains
 * that nothing else needs. Returns what went.
 */
export function dropUncalled(model: Model, domain?: string): FunctionDef[] {
  const called = new Set<string>();
  const byKey = new Map(model.functions.map(f => [functionKey(f), f]));
  const pending = [model.graph];
  for (let graph = pending.pop(); graph; graph = pending.pop()) {
    for (const node of graph.allNodes()) {
      const key = functionKey(node.op);
      if (called.has(key)) continue;
      called.add(key);
      const f = byKey.get(key);
      if (f) pending.push(f.body);
    }
  }
  const dropped: FunctionDef[] = [];
  for (const f of model.functions.splice(0)) {
    if (called.has(functionKey(f)) || (domain !== undefined && f.domain !== domain)) model.functions.push(f);
    else dropped.push(f);
  }
  if (dropped.length === 0) return dropped;
  const needed = new Set(model.functions.map(f => f.domain));
  for (const { graph } of bodies(model)) for (const { op } of graph.allNodes()) needed.add(op.domain);
  for (const f of dropped) if (!needed.has(f.domain)) model.opsets.delete(f.domain);
  return dropped;
}
