import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import { displayOp } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import type { Match } from '../rewrite/match.ts';
import { Pattern, type RootPattern } from '../rewrite/pattern.ts';
import { dtypes, isKnown } from '../tensor/dtype.ts';
import { Tensor } from '../tensor/tensor.ts';
import { isCallOf } from './call.ts';
import { dilationsOf, padProblem, windowProblem } from './depthwise.ts';
import { DOMAIN, freluAttributes } from './frelu.ts';
import { type Join, type Kind, kinds, type QuantisedFunnel } from './quantised.ts';
import { isNoOp } from './view.ts';

/** Six steps, and as many that do nothing. */
const LONGEST = 12;

/** Operators that a quantised funnel can end with. */
export const quantisedRoots: readonly Join[] = ['Max', 'Add', 'com.microsoft.QLinearAdd'];

/** Matches a FReLU that ONNX Runtime's static quantiser has been over; with `explain`, what comes close too. */
export function quantisedFunnel(root: Join, explain = false): RootPattern<{ quantised: QuantisedFunnel }> {
  return new (class extends Pattern<{ quantised: QuantisedFunnel }> {
    readonly op = root;
    match(value: Value | undefined, m: Match): boolean {
      const node = value?.producer;
      if (!node || displayOp(node.op) !== root) return false;
      const integer = root === 'com.microsoft.QLinearAdd';
      const operands = integer ? [node.inputs[0], node.inputs[3]] : node.inputs;
      if (operands.length !== 2) return false;
      let near: string | undefined;
      // An integer sum may round otherwise with its operands exchanged.
      for (const [compared, t] of integer ? [operands] : [operands, operands.toReversed()]) {
        const nodes = nodesTo(t);
        const chain = nodes.filter(n => !isNoOp(n));
        const x = compared && withoutNoOps(compared);
        const kind = kinds.find(k => k.join === root && k.steps.join() === chain.map(n => n.op.name).join());
        const [first] = chain;
        if (!x || !first || !kind || !isRounded(chain, node, kind)) continue;
        const problem = problemOf(first);
        // Sums of x and a convolution of it are everywhere.
        if (problem !== undefined && !(explain && root === 'Max')) continue;
        if (isConvolved(x, first, node)) {
          m.consumeAll([node, ...nodes.toReversed()]);
          if (problem !== undefined) m.miss('E_FORM', problem);
          return m.bind('quantised', value, { kind, ...callOf(chain, node), called: false });
        }
        if (problem === undefined) near ??= nearMiss(nodesTo(x)[0], first, root);
      }
      if (near === undefined || !explain) return false;
      m.consumeAll([node]);
      m.miss('E_QUANTISED', near);
      return true;
    }
  })();
}

/** Matches a call of one of the functions that quantised funnels are fused into. */
const quantisedCalls = kinds.map(kind => {
  const op = `${DOMAIN}.${kind.name}`;
  return new (class extends Pattern<{ quantised: QuantisedFunnel }> {
    readonly op = op;
    match(value: Value | undefined, m: Match): boolean {
      const node = value?.producer;
      if (!node || !isCallOf(node, kind.name)) return false;
      m.consumeAll([node]);
      const attributes = Object.fromEntries(node.attributes);
      return m.bind('quantised', value, { kind, operands: node.inputs, attributes, called: true });
    }
  })();
});

/** Quantised funnels of every kind, called and spelled out. */
export const quantisedPatterns: readonly RootPattern<{ quantised: QuantisedFunnel }>[] = [
  ...quantisedCalls,
  ...quantisedRoots.map(root => quantisedFunnel(root)),
];

/** The nodes from a convolution to `end`, one after the other. */
function nodesTo(end: Value | undefined): Node[] {
  const nodes: Node[] = [];
  for (let node = end?.producer; node?.op.domain === '' && nodes.length < LONGEST; node = node.inputs[0]?.producer) {
    nodes.unshift(node);
    if (node.op.name === 'Conv' || node.op.name === 'QLinearConv') break;
  }
  return nodes;
}

const withoutNoOps = (value: Value): Value => (value.producer && isNoOp(value.producer) ? withoutNoOps(value.producer.inputs[0]!) : value);

type Grid = readonly [scale: Value | undefined, zeroPoint: Value | undefined];

/** The grid that a node's result lies on, or that it reads its input from. */
const gridOf = ({ op, inputs }: Node): Grid => (op.name === 'QLinearConv' ? [inputs[6], inputs[7]] : [inputs[1], inputs[2]]);

/** Whether two grids are one, known, and the same for all channels. */
function isSame(a: Grid, b: Grid): boolean {
  return a.every((v, i) => {
    const [own, other] = [constantOf(v), constantOf(b[i])];
    return own?.size === 1 && other?.size === 1 && own.dtype === other.dtype && own.numbers()[0] === other.numbers()[0];
  });
}

/** Whether the chain rounds as its kind does: each pair on one grid, and one that begins at 0 where that stands for Relu. */
function isRounded(chain: readonly Node[], join: Node, { steps, join: how }: Kind): boolean {
  let grid: Grid | undefined;
  for (const node of chain) {
    if (!node.op.name.endsWith('Linear')) continue;
    if ([...node.attributes.keys()].some(name => name !== 'axis')) return false;
    if (node.op.name === 'DequantizeLinear' && !isSame(gridOf(node), grid ?? gridOf(chain[0]!))) return false;
    grid = gridOf(node);
  }
  const rounded = grid ?? gridOf(chain[0]!);
  if (how === 'com.microsoft.QLinearAdd' && !isSame(rounded, [join.inputs[4], join.inputs[5]])) return false;
  return how === 'Max' || steps.includes('Relu') || beginsAtZero(rounded);
}

function beginsAtZero([, zeroPoint]: Grid): boolean {
  const zero = constantOf(zeroPoint);
  if (!zero || !isKnown(zero.dtype)) return false;
  return zero.numbers()[0] === (zero.dtype.startsWith('u') ? 0 : -(2 ** (dtypes[zero.dtype].bits - 1)));
}

/** Whether x is what the convolution convolves: the same value, one rounded in the same way, or the same integers. */
function isConvolved(x: Value, first: Node, join: Node): boolean {
  const data = first.inputs[0];
  const grid: Grid = [first.inputs[1], first.inputs[2]];
  if (join.op.name === 'QLinearAdd') return x === data && isSame(gridOf(join), grid);
  const [own, theirs] = [x.producer, data?.producer];
  if (first.op.name === 'QLinearConv') return own?.op.name === 'DequantizeLinear' && own.inputs[0] === data && isSame(gridOf(own), grid);
  if (x === data) return true;
  const [from, to] = [own, theirs].map(n => (n?.op.name === 'DequantizeLinear' ? n.inputs[0]?.producer : undefined));
  if (from?.op.name !== 'QuantizeLinear' || to?.op.name !== 'QuantizeLinear') return false;
  const grids = [own!, theirs!, to].map(gridOf);
  return from.inputs[0] === to.inputs[0] && grids.every(g => isSame(gridOf(from), g));
}

/** What a T that is compared with another value than it is computed from may be. */
function nearMiss(before: Node | undefined, first: Node, root: Join): string | undefined {
  if (root === 'Max') return 'it compares T with another value than T is computed from, such as x before it is rounded';
  const passed = before?.inputs[0] === first.inputs[0] && problemOf(before!) === undefined;
  return passed ? 'x passes through a rounded convolution of its own: lower with the target int8 before quantising' : undefined;
}

const weightOf = ({ op, inputs }: Node) => (op.name === 'Conv' ? inputs[1] : inputs[3]);

/** The shape of a weight, seen through its storage. */
function dimsOf(weight: Value | undefined): readonly number[] | undefined {
  const stored = /quantizelinear$/i.test(weight?.producer?.op.name ?? '');
  return constantOf(weight)?.dims ?? (stored ? dimsOf(weight?.producer?.inputs[0]) : undefined);
}

function problemOf(node: Node): string | undefined {
  const dims = dimsOf(weightOf(node));
  const attrs = attrsOf(node, 'Conv');
  return dims ? (windowProblem(dims, attrs) ?? padProblem(dims, attrs)) : 'the weight of the convolution is not known';
}

/** What a call of the chain's function is given. */
function callOf(chain: readonly Node[], join: Node): Pick<QuantisedFunnel, 'operands' | 'attributes'> {
  const first = chain[0]!;
  const { inputs } = first;
  const [channels = 0, , ...window] = dimsOf(weightOf(first)) ?? [];
  const integer = first.op.name === 'QLinearConv';
  const bias = integer ? inputs[8] : inputs[2];
  const grids = chain.filter(n => n.op.name === 'QLinearConv' || n.op.name === 'QuantizeLinear').flatMap(gridOf);
  const dtype = integer ? 'int32' : (constantOf(grids[0])?.dtype ?? 'float');
  const result = join.op.name === 'QLinearAdd' ? join.inputs.slice(6, 8) : [];
  return {
    operands: [...inputs.slice(0, integer ? 6 : 2), bias ?? Tensor.fill(dtype, [channels], 0), ...grids, ...result],
    attributes: freluAttributes([{ kernel_shape: window, dilations: dilationsOf(window, attrsOf(first, 'Conv')) }], channels),
  };
}
