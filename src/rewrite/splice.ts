import { definedWithin } from '../ir/names.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import type { Site } from './builder.ts';
import { importFunction } from './import-function.ts';
import { Refusal } from './refusal.ts';
import type { Refused, Replacement } from './rule.ts';

/** Puts a replacement in the place of `root`: the one place where rules change a graph. Returns why not, when the interface would suffer. */
export function splice(root: Node, replacement: Replacement, { model, opsets }: Pick<Site, 'model' | 'opsets'>): Refused | undefined {
  const { draft, match } = replacement;
  let { value } = replacement;
  const old = root.outputs[0]!;
  const graph = root.graph!;
  let isNew = draft.nodes.some(n => n === value.producer);
  let refusal = draft.refusal ?? (isNew ? undefined : interfaceProblem(old, value));
  if (refusal && !draft.refusal && match.nodes.length > 1) {
    // Where several nodes come to nothing, one is enough to give an output its name.
    value = draft.apply('', 'Identity', [value], new Map(), ['input']);
    [isNew, refusal] = [true, undefined];
  }
  if (refusal) {
    draft.discard();
    return { refusal, about: root };
  }
  for (const node of draft.nodes) graph.insertBefore(root, node);
  for (const constant of draft.constants) if (constant.uses.size > 0 || constant === value) graph.adopt(constant);
  for (const f of draft.functions) importFunction(model, opsets, f);
  // What an output declares is the model's interface.
  value.type = isOutput(old) ? (old.type ?? value.type) : (value.type ?? old.type);
  value.inferred ??= old.inferred;
  if (isNew || isOutput(old)) {
    value.name = old.name;
    value.origin = old.origin;
  }
  graph.replaceUses(old, value);
  graph.sweepFrom(root);
  for (const node of draft.nodes) graph.sweepFrom(node);
  return undefined;
}

const isOutput = (value: Value) => [...value.uses].some(use => use.kind === 'output');

/** Names at a graph's edge are a contract: an existing value may take an output's name only if it has none of its own to keep. */
function interfaceProblem(old: Value, by: Value): Refusal | undefined {
  if (!isOutput(old)) return undefined;
  if (by.definition.kind !== 'result')
    return new Refusal('E_INTERFACE', `the output ${old.name} would be ${by.name}, which no node computes`);
  if (by.owner !== old.owner) return new Refusal('E_INTERFACE', `the output ${old.name} would be ${by.name} of an enclosing graph`);
  if (definedWithin(by.owner, old.name)) return new Refusal('E_INTERFACE', `a nested graph has a value called ${old.name} too`);
  if (isOutput(by)) return new Refusal('E_INTERFACE', `the outputs ${old.name} and ${by.name} would be one`);
  return undefined;
}
