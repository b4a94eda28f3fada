import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { InvalidModel, PassFailed } from '../src/errors.ts';
import { problemsOf } from '../src/ir/check.ts';
import { Node } from '../src/ir/node.ts';
import { opOf } from '../src/ir/op.ts';
import { pass } from '../src/rewrite/pass.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';

const model = (graph: string, { opset = 17, ir = 8, imports = '' } = {}) =>
  parse(`<ir_version: ${ir}, opset_import: ["" : ${opset}${imports}]>\n${graph}`);
const told = (...args: Parameters<typeof model>) => problemsOf(model(...args)).map(p => `${p.where}: ${p.message}`);
const unary = (body: string) => `g (float[1,4] x) => (float[1,4] y) { ${body} }`;
const calling = (call: string, ...functions: string[]) => `g (float[1,4] x) => (float[1,4] y) { ${call} }\n${functions.join('\n')}`;
const header = '<domain: "f", opset_import: ["" : 17, "f" : 1]>';

/** What ONNX's checker and ONNX Runtime both refuse. */
const invalid: Readonly<Record<string, readonly [args: Parameters<typeof model>, problem: string]>> = {
  'an operator that is gone': [
    ['g (float[1,1,2,2] x, float[4] s) => (float[1,1,4,4] y) { y = Upsample (x, s) }', { opset: 11 }],
    'graph node y: Upsample is gone since operator set 10',
  ],
  'an operator of later sets': [[unary('y = Gelu (x)'), { opset: 13 }], 'graph node y: there is no operator Gelu in operator set 13'],
  'an attribute nobody knows': [[unary('y = Relu <foo = 1> (x)')], 'graph node y: Relu has no attribute foo in its version 14'],
  'an attribute of another type': [[unary('y = LeakyRelu <alpha = 1> (x)')], 'graph node y: its attribute alpha is of type int, not float'],
  'an attribute left out': [[unary('y = Concat (x)')], 'graph node y: its attribute axis is missing, which Concat needs'],
  'an operand left out': [[unary('y = Add (, x)')], 'graph node y: its input A is left out, but Add needs it'],
  'too few operands': [[unary('y = Add (x)')], 'graph node y: Add needs 2 inputs, not 1'],
  'too many results': [[unary('y, z = Relu (x)')], 'graph node y: Relu has at most 1 outputs, not 2'],
  'two element types for one': [
    ['g (float[1,4] x, int64[1,4] z) => (float[1,4] y) { y = Add (x, z) }'],
    'graph node y: its inputs must be of one element type: A (x) is float, B (z) is int64',
  ],
  'a weight that is no number': [
    ['g (float[1,1,2,2] x, bool[1,1,1,1] w) => (float[1,1,2,2] y) { y = Conv (x, w) }'],
    'graph node y: its input W (w) is bool, but Conv takes double, float, float16',
  ],
  'operands of a list': [
    ['g (float[1,4] x, double[1,4] z) => (float[2,4] y) { y = Concat <axis = 0> (x, x, z) }'],
    'graph node y: its inputs must be of one element type: inputs (x) is float, inputs (z) is double',
  ],
  'an element type that an operator set lacks': [
    ['g (int64[1,4] x) => (int64[1,4] y) { y = Neg (x) }', { opset: 5 }],
    'graph node y: its input X (x) is int64, but Neg takes double, float, float16',
  ],
  'a type that follows from others': [
    ['g (float[4] x) => (float[4] y) { n = Shape (x) c = Cast <to = 7> (x) i = Identity (c) y = Mul (i, x) s = Add (n, x) }'],
    'graph node y: its inputs must be of one element type: A (i) is int64, B (x) is float',
  ],
  'a tensor where a sequence is wanted': [
    ['g (float[1,4] x, int64 i) => (float[1,4] y) { y = SequenceAt (x, i) }'],
    'graph node y: its input input_sequence (x) is a tensor, but SequenceAt takes none',
  ],
  'a sequence where a tensor is wanted': [
    ['g (seq(float[1,4]) x) => (float[1,4] y) { y = Relu (x) }'],
    'graph node y: its input X (x) is a sequence, but Relu takes tensors',
  ],
  'a result declared as something else': [
    ['g (float[1,4] x) => (int64[1,4] y) { y = Relu (x) }'],
    'graph node y: its result y is declared as int64, but is float',
  ],
  'a name of the graph around': [
    [
      'g (float[1,4] x, bool c) => (float[1,4] y) { z = Relu (x) y = If (c) <then_branch = t () => (float[1,4] z) { z = Neg (x) }, else_branch = e () => (float[1,4] w) { w = Relu (x) }> }',
    ],
    'graph node y body node z: the name z is defined twice',
  ],
  'a domain without import': [[unary('y = foo.Bar (x)')], "graph node y: no operator set of domain 'foo' is imported"],
  'a function that calls itself': [
    [calling('y = f.F (x)', `${header} F (a) => (b) { b = f.G (a) }`, `${header} G (a) => (b) { b = f.F (a) }`), { imports: ', "f" : 1' }],
    'function f.F: it calls itself: f.F → f.G → f.F',
  ],
  'two functions of one name': [
    [calling('y = f.F (x)', `${header} F (a) => (b) { b = Neg (a) }`, `${header} F (a) => (b) { b = Abs (a) }`), { imports: ', "f" : 1' }],
    'function f.F: the model has two functions of this name',
  ],
  'a call with too much': [
    [calling('y = f.F (x, x)', `${header} F (a) => (b) { b = Neg (a) }`), { imports: ', "f" : 1' }],
    'graph node y: the function f.F takes at most 1 inputs, not 2',
  ],
};

describe('a broken invariant is named with its place', () => {
  test.each(Object.entries(invalid))('%s', (_, [args, problem]) => {
    expect(told(...args)).toContain(problem);
  });
});

const branch = (body: string, own = '') =>
  `g (float[1,4] x, bool c) => (float[1,4] y) <float[1] k = {1}> { y = If (c) <then_branch = t () => (float[1,4] z) ${own} { ${body} }, else_branch = e () => (float[1,4] z) { z = Relu (x) }> }`;

/** What ONNX's checker or ONNX Runtime takes. */
const valid: Readonly<Record<string, Parameters<typeof model>>> = {
  'the same names in two branches': [branch('z = Neg (x)')],
  'an initializer of a branch that shadows': [branch('z = Add (x, k)', '<float[1] k = {2}>')],
  'inputs of a loop that shadow': [
    'g (float[1,4] x, int64 n, bool c) => (float[1,4] y) { y = Loop (n, c, x) <body = b (int64 n, bool d, float[1,4] a) => (bool e, float[1,4] f) { e = Identity (d) f = Relu (a) }> }',
  ],
  'an output twice': ['g (float[1,4] x) => (float[1,4] y, float[1,4] y) { y = Relu (x) }'],
  'LayerNormalization before its time': ['g (float[1,4] x, float[4] s) => (float[1,4] y) { y = LayerNormalization (x, s) }', { opset: 13 }],
  "a runtime's own domain, not imported": [unary('y = com.microsoft.Gelu (x)')],
  'an operator set of the future': [unary('y = NewThing <foo = 1> (x)'), { opset: 99 }],
  'bfloat16 before its time': ['g (bfloat16[1,1,2,2] x, bfloat16[1,1,1,1] w) => (bfloat16[1,1,2,2] y) { y = Conv (x, w) }', { opset: 13 }],
  'types of their own in one list': [
    'g (float[1,4] x, int64[2] n, bool c) => (float[1,4] y, int64[2] m) { y, m = If (c) <then_branch = t () => (float[1,4] a, int64[2] b) { a = Neg (x) b = Neg (n) }, else_branch = e () => (float[1,4] a, int64[2] b) { a = Abs (x) b = Abs (n) }> }',
  ],
  'a mask of another type': ['g (float[1,4] x) => (float[1,4] y, bool[1,4] m) { y, m = Dropout (x) }'],
  'operands left out': ['g (float[1,4] x, float m) => (float[1,4] y) { y = Clip (x, , m) }'],
  'a call with less': [calling('y = f.F (x)', `${header} F (a, l) => (b) { b = Clip (a, l) }`), { imports: ', "f" : 1' }],
  'no graph to speak of': ['g (float[1,4] x) => (float[1,4] x) { }'],
};

test.each(Object.entries(valid))('no problem: %s', (_, args) => {
  expect(told(...args)).toEqual([]);
});

test('a hundred thousand nodes are checked in a moment', () => {
  const large = model('g (float[4] x) => (float[4] y) { y = Relu (x) }');
  let last = large.graph.inputs[0]!;
  for (let i = 0; i < 100_000; i++) {
    const node = new Node(opOf('', 'Add', '', large.opsets), [last, last], [{ name: `v${i}` }]);
    large.graph.append(node);
    last = node.outputs[0]!;
  }
  const start = performance.now();
  expect(problemsOf(large)).toEqual([]);
  expect(performance.now() - start).toBeLessThan(15_000);
});

test('an invalid model is named before any pass runs', async () => {
  let ran = false;
  const run = async () => {
    ran = true;
    return { pass: 'spy', fired: [], refused: [] };
  };
  const spy = { name: 'spy', effect: 'exact' as const, run };
  await expect(rewrite(model(unary('y = Add (x)')), [spy])).rejects.toThrow(InvalidModel);
  expect(ran).toBe(false);
});

test('what a pass breaks is its fault', async () => {
  const broken = pass('breaks', 'exact', []);
  const breaks = {
    ...broken,
    run: async (m: Parameters<typeof broken.run>[0]) => {
      const [node] = m.graph.nodes();
      node!.setInput(0, undefined);
      return { pass: 'breaks', fired: [{ node: 'y', op: 'Relu' }], refused: [] };
    },
  };
  const failure = await rewrite(model(unary('y = Relu (x)')), [breaks], { check: true }).catch(error => error);
  expect(failure).toBeInstanceOf(PassFailed);
  expect(failure.message).toBe('breaks at graph node y: the model it made is invalid: its input X is left out, but Relu needs it');
});

describe('on the command line', () => {
  const root = join(import.meta.dirname, '..');
  const funnel = (args: readonly string[], input: string) => {
    const loader = join(root, 'node_modules/tsx/dist/loader.mjs');
    const running = promisify(execFile)(process.execPath, ['--import', loader, join(root, 'src/cli/main.ts'), ...args]);
    running.child.stdin!.end(input);
    return running.then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    );
  };

  test('all problems, a line each; all of them in JSON', async () => {
    const { encode } = await import('../src/serde/model-file.ts');
    const nodes = Array.from({ length: 25 }, (_, i) => `v${i} = Concat (x)`).join(' ');
    const bytes = Buffer.from(encode(model(`g (float[1,4] x) => (float[1,4] v0) { ${nodes} }`)));
    const text = await funnel(['fold', '-', '-o', '/nonexistent.onnx'], bytes as unknown as string);
    expect(text).toMatchObject({ code: 2, stdout: '' });
    const lines = text.stderr.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^funnel: standard input: the model is invalid: graph node v0: .* \(25 problems in all\)$/);
    expect(lines).toHaveLength(22);
    expect(lines[1]).toBe('  graph node v0: its attribute axis is missing, which Concat needs');
    expect(lines.at(-1)).toBe('  and 5 more; --json lists them all');
    const json = await funnel(['fold', '-', '-o', '/nonexistent.onnx', '--json'], bytes as unknown as string);
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: 'onnx-funnel/invalid@1', problems: { length: 25 } });
  }, 60_000);
});
