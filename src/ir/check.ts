import { InvalidModel, type Problem } from '../errors.ts';
import { newestOpset, type OperatorVersion } from '../ops/schema.ts';
import { checkCall, checkFunctions } from './check-functions.ts';
import { checkNode } from './check-node.ts';
import { TypeCheck } from './check-types.ts';
import type { Graph } from './graph.ts';
import { bodies, type FunctionDef, functionKey, type Model } from './model.ts';
import { labelOf, type Op } from './node.ts';
import { displayOp, schemaOf } from './op.ts';
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
    const seen = { visible: new Set<Value>(), names: new Set<string>(), types: new TypeCheck() };
    checkGraph(graph, where, { opsets, functions, irVersion: model.irVersion, problems, schemaOf: knownSchemas(opsets), ...seen }, false);
    if (f && graph.constants.size > 0) problems.push({ where, message: 'a function has no initializers' });
  }
  return problems;
}

/** The signatures of operators; of operator sets newer than the table none is known. */
function knownSchemas(opsets: ReadonlyMap<string, number>): Scope['schemaOf'] {
  if ((opsets.get('') ?? 0) > newestOpset()) return () => undefined;
  const known = new Map<Op, OperatorVersion | undefined>();
  return op => {
    // Most nodes share the object that says which operator they are.
    if (!known.has(op)) known.set(op, schemaOf(op));
    return known.get(op);
  };
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
  readonly schemaOf: (op: Op) => OperatorVersion | undefined;
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
    const where = () => `${place} node ${labelOf(node)}`;
    const say = (message: string) => problems.push({ where: where(), message });
    for (const value of node.inputs) if (value && !visible.has(value)) say(`its input ${value.name} is not defined before it`);
    const f = scope.functions.size > 0 ? scope.functions.get(functionKey(node.op)) : undefined;
    const schema = f ? undefined : scope.schemaOf(node.op);
    if (f) checkCall(node, f, say);
    else checkNode(node, schema, scope, say);
    for (const inner of node.subgraphs()) checkGraph(inner, `${where()} body`, scope, true);
    if (schema) types.visit(node, schema, say);
    for (const value of node.outputs) if (value.name !== '' || value.uses.size > 0) define(value, where, false);
  }
  for (const value of graph.outputs)
    if (!visible.has(value)) problems.push({ where: `${place} output ${value.name}`, message: 'nothing computes it' });
  if (!nested) return;
  for (const value of seen) visible.delete(value);
  for (const name of added) names.delete(name);
}
