import { InvalidModel, type Problem } from '../errors.ts';
import { checkCall, checkFunctions } from './check-functions.ts';
import { checkNode } from './check-node.ts';
import { TypeCheck } from './check-types.ts';
import type { Graph } from './graph.ts';
import { bodies, type FunctionDef, functionKey, type Model } from './model.ts';
import { labelOf } from './node.ts';
import { displayOp } from './op.ts';
import type { Value } from './value.ts';

/**
 * Every broken invariant of a model: imports, scopes, order, names, operands and attributes of operators, element types, functions.
 * Empty for a valid model, and for what ONNX's checker or ONNX Runtime lets pass. What is not known (a type, a foreign operator) is
 * no problem.
 */
export function problemsOf(model: Model): Problem[] {
  const problems: Problem[] = [];
  const functions = new Map(model.functions.map(f => [functionKey(f), f]));
  checkFunctions(model, problems);
  for (const { graph, opsets, function: f } of bodies(model)) {
    const where = f ? `function ${displayOp(f)}` : 'graph';
    const types = new TypeCheck(problems);
    const scope = { opsets, functions, irVersion: model.irVersion, problems, visible: new Set<Value>(), names: new Set<string>(), types };
    checkGraph(graph, where, scope, false);
    if (f && graph.constants.size > 0) problems.push({ where, message: 'a function has no initializers' });
  }
  return problems;
}

/** @throws InvalidModel naming all problems at once. */
export function check(model: Model): void {
  const problems = problemsOf(model);
  if (problems.length > 0) throw new InvalidModel(problems);
}

/** Where in a model a check is, and what it has seen on the way. */
export interface Scope {
  readonly opsets: ReadonlyMap<string, number>;
  readonly functions: ReadonlyMap<string, FunctionDef>;
  readonly irVersion: number;
  readonly problems: Problem[];
  /** Values defined so far, here and in enclosing graphs. */
  readonly visible: Set<Value>;
  /** Their names. */
  readonly names: Set<string>;
  readonly types: TypeCheck;
}

function checkGraph(graph: Graph, place: string, scope: Scope, nested: boolean): void {
  const { problems, visible, names, types } = scope;
  const seen: Value[] = [];
  /** Names that this graph added to those of the graphs around it, and its own. */
  const added: string[] = [];
  const own = new Set<string>();
  const define = (value: Value, where: () => string, shadows: boolean) => {
    if (value.name === '') problems.push({ where: where(), message: 'a value without a name is used' });
    else if (own.has(value.name) || (!shadows && names.has(value.name)))
      problems.push({ where: where(), message: `the name ${value.name} is defined twice` });
    own.add(value.name);
    if (!names.has(value.name)) added.push(value.name);
    names.add(value.name);
    visible.add(value);
    seen.push(value);
  };
  // A body's inputs and initializers may take names of enclosing graphs; its nodes' results may not.
  for (const value of graph.inputs) define(value, () => `${place} input ${value.name}`, nested);
  for (const value of [...graph.constants, ...graph.sparse]) define(value, () => `${place} initializer ${value.name}`, nested);
  for (const node of graph.nodes()) {
    const where = `${place} node ${labelOf(node)}`;
    const say = (message: string) => problems.push({ where, message });
    for (const value of node.inputs) if (value && !visible.has(value)) say(`its input ${value.name} is not defined before it`);
    const f = scope.functions.get(functionKey(node.op));
    if (f) checkCall(node, f, say);
    else checkNode(node, scope, say);
    for (const inner of node.subgraphs()) checkGraph(inner, `${where} body`, scope, true);
    if (!f) types.visit(node, where);
    for (const value of node.outputs) if (value.name !== '' || value.uses.size > 0) define(value, () => where, false);
  }
  for (const value of graph.outputs)
    if (!visible.has(value)) problems.push({ where: `${place} output ${value.name}`, message: 'nothing computes it' });
  if (!nested) return;
  for (const value of seen) visible.delete(value);
  for (const name of added) names.delete(name);
}
