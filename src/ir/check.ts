import { InvalidModel, type Problem } from '../errors.ts';
import type { Graph } from './graph.ts';
import { bodies, functionKey, type Model } from './model.ts';
import { labelOf, type Node } from './node.ts';
import { displayOp, schemaOf } from './op.ts';
import type { Value } from './value.ts';

/** Every broken invariant of a model: imports, scopes, order, unique names, arity. Empty for a valid model. */
export function problemsOf(model: Model): Problem[] {
  const problems: Problem[] = [];
  const functions = new Set(model.functions.map(functionKey));
  for (const { graph, opsets, function: f } of bodies(model)) {
    const where = f ? `function ${displayOp(f)}` : 'graph';
    checkGraph(graph, { where, opsets, functions, inFunction: f !== undefined, problems, visible: new Set(), names: new Set() });
  }
  return problems;
}

/** @throws InvalidModel naming all problems at once. */
export function check(model: Model): void {
  const problems = problemsOf(model);
  if (problems.length > 0) throw new InvalidModel(problems);
}

interface Scope {
  readonly where: string;
  readonly opsets: ReadonlyMap<string, number>;
  readonly functions: ReadonlySet<string>;
  readonly inFunction: boolean;
  readonly problems: Problem[];
  /** Values defined so far, here and in enclosing graphs. */
  readonly visible: Set<Value>;
  /** Names in use here and in enclosing graphs. */
  readonly names: Set<string>;
}

function checkGraph(graph: Graph, scope: Scope): void {
  const define = (value: Value, where: string) => {
    if (value.name === '') scope.problems.push({ where, message: 'a value without a name is used' });
    else if (scope.names.has(value.name)) scope.problems.push({ where, message: `the name ${value.name} is defined twice` });
    scope.names.add(value.name);
    scope.visible.add(value);
  };
  for (const value of graph.inputs) define(value, `${scope.where} input ${value.name}`);
  for (const value of [...graph.constants, ...graph.sparse]) define(value, `${scope.where} initializer ${value.name}`);
  if (scope.inFunction && graph.constants.size > 0) scope.problems.push({ where: scope.where, message: 'a function has no initializers' });
  for (const node of graph.nodes()) {
    const where = `${scope.where} node ${labelOf(node)}`;
    checkNode(node, where, scope);
    for (const inner of node.subgraphs())
      checkGraph(inner, {
        ...scope,
        where: `${where} body`,
        visible: new Set(scope.visible),
        names: new Set(scope.names),
        inFunction: false,
      });
    for (const value of node.outputs) if (value.name !== '' || value.uses.size > 0) define(value, where);
  }
  for (const value of graph.outputs) {
    if (!scope.visible.has(value)) scope.problems.push({ where: `${scope.where} output ${value.name}`, message: 'nothing computes it' });
  }
}

function checkNode(node: Node, where: string, scope: Scope): void {
  const say = (message: string) => scope.problems.push({ where, message });
  for (const value of node.inputs) if (value && !scope.visible.has(value)) say(`its input ${value.name} is not defined before it`);
  if (!scope.opsets.has(node.op.domain)) say(`no operator set of domain '${node.op.domain}' is imported`);
  const schema = schemaOf(node.op);
  if (!schema) {
    if (node.op.domain === '' && !scope.functions.has(functionKey(node.op)))
      say(`there is no operator ${node.op.name} in operator set ${scope.opsets.get('')}`);
    return;
  }
  if (node.inputs.length > schema.maxInputs)
    say(`${displayOp(node.op)} takes at most ${schema.maxInputs} inputs, not ${node.inputs.length}`);
  if (node.outputs.length > schema.maxOutputs)
    say(`${displayOp(node.op)} has at most ${schema.maxOutputs} outputs, not ${node.outputs.length}`);
  for (const [name, { type }] of node.attributes) {
    const known = schema.attributes.get(name)?.type;
    if (known !== undefined && type !== known && type !== 'reference' && type !== 'other')
      say(`its attribute ${name} is of type ${type}, not ${known}`);
  }
  const given = node.inputs.findLastIndex(v => v !== undefined) + 1;
  if (given < schema.minInputs) say(`${displayOp(node.op)} needs ${schema.minInputs} inputs, not ${given}`);
}
