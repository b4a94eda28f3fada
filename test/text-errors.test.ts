import { describe, expect, test } from 'vitest';
import { TextSyntaxError } from '../src/errors.ts';
import { parse } from '../src/text/parse.ts';

/** What the parser says of a text that it refuses. */
function complaint(source: string): string {
  try {
    parse(source);
  } catch (error) {
    expect(error).toBeInstanceOf(TextSyntaxError);
    return (error as TextSyntaxError).message;
  }
  return 'no error';
}

describe('errors say where, what was expected and what was found', () => {
  test.each([
    ['', '1:1: expected the name of a graph, found the end of the text'],
    ['g (float x) => (float y) {\n  y = Add(x, q)\n}', '2:14: q is not defined'],
    ['g () => () {\n# a comment\n\ty = Add(q)\n}', '3:10: q is not defined'],
    ['g () => (float y) {}', '1:16: nothing computes the output y'],
    ['g () => () { y = Op() y = Op() }', '1:23: y is defined twice'],
    ['g (x, float x) => () {}', '1:13: x is defined twice'],
    ['g (x) => () { x = Op() }', '1:15: x is defined twice'],
    ['g () => () <float w = {1}, float w = {2}> {}', '1:34: w is given a value twice'],
    ['g ("") => () {}', '1:4: a value needs a name'],
    ['g () => () { y = Op(', '1:21: expected , or ), found the end of the text'],
    ['g () => () { y Op() }', '1:16: expected , or =, found Op'],
    ['g () => () { y = }', '1:18: expected an operator, found }'],
    ['g () => () { 1 = Op() }', '1:14: expected a node or }, found 1'],
    ['g () => () { [a] }', '1:18: expected a name or =, found }'],
    ['g () => () { y = Op() ', '1:23: expected a node or }, found the end of the text'],
    ['g () = () {}', '1:6: expected =>, found ='],
    ['g (float x => () {}', '1:12: expected , or ), found =>'],
    ['g (floot x) => () {}', '1:4: floot is no type'],
    ['g (flaot[2] x) => () {}', '1:4: flaot is no type'],
    ['g (seq float x) => () {}', '1:8: expected (, found float'],
    ['g (seq(x) y) => () {}', '1:8: expected a type, found x'],
    ['g (map(seq(float), float) y) => () {}', '1:8: expected an element type, found seq'],
    [
      '<ir_version: 8, opset: 3> g () => () {}',
      '1:17: expected one of ir_version, opset_import, domain, doc_string, producer_name, producer_version, model_version, metadata_props, found opset',
    ],
    ['<ir_version: "8"> g () => () {}', '1:14: expected an IR version, found "8"'],
    ['<ir_version: -1> g () => () {}', "1:14: -1 can't be an IR version"],
    ['<opset_import: [17]> g () => () {}', '1:17: expected a domain in quotes, found 17'],
    ['g () => () {} "', '1:15: this string has no end'],
    ['"g\\', '1:1: this string has no end'],
    ['g () => () { y = Op <a = 1e> () }', '1:26: 1e is not a number: its exponent has no digits'],
    ['g () => () { y = Op <a = -x> () }', '1:26: expected a number, found -x'],
    ['g () => () { y = Op <a = 1, a = 2> () }', '1:29: the attribute a is given twice'],
    ['g () => () { y = Op <a: intt = 1> () }', '1:25: intt is no kind of attribute'],
    ['g () => () { y = Op <a: int = "1"> () }', '1:31: expected an int, found a string'],
    ['g () => () { y = Op <a: string = 1> () }', '1:34: expected a string, found an int'],
    ['g () => () { y = Op <a: ints = 1> () }', '1:32: expected [, found 1'],
    ['g () => () { y = Op <a = []> () }', '1:26: an empty list needs its kind, such as : ints'],
    ['g () => () { y = Op <a = [1, "b"]> () }', '1:26: a list holds values of one kind, not int and string'],
    ['g () => () { y = Op <a = > () }', '1:26: expected a value, found >'],
    ['g () => () { y = Op <a: sparse_tensor = 1> () }', '1:41: sparse tensors can not be written in text'],
  ])('%j', (source, message) => expect(complaint(source)).toBe(message));
});

describe('values that can not be', () => {
  const inGraph = (text: string) => complaint(`g () => () <${text}> {}`).replace(/^1:/, '');
  test.each([
    ['float[3] w = {1, 2}', '26: float[3] wants 3 elements, found 2'],
    ['float w = {}', '23: float wants 1 element, found 0'],
    ['complex64[2] w = {1, 2}', '30: complex64[2] wants 4 elements, found 2'],
    ['int4[5] w = {1, 2}', '25: int4[5] wants 5 elements, or 3 bytes, found 2'],
    ['int4[2] w = {1, 8}', "29: 8 is out of int4's range"],
    ['uint4 w = {16}', "24: 16 is out of uint4's range"],
    ['uint8 w = {256}', "24: 256 is out of uint8's range"],
    ['int8[2] w = {1, -129}', "29: -129 is out of int8's range"],
    ['int32 w = {2147483648}', "24: 2147483648 is out of int32's range"],
    ['int64 w = {9223372036854775808}', "24: 9223372036854775808 is out of int64's range"],
    ['uint64 w = {-1}', "25: -1 is out of uint64's range"],
    ['bool w = {2}', "23: 2 is out of bool's range"],
    ['int32 w = {1.5}', "24: expected an integer within int32's range, found 1.5"],
    ['int64 w = {"1"}', '24: expected an int64, found "1"'],
    ['float w = {1e39}', "24: 1e39 is out of float's range"],
    ['double w = {1e999}', "25: 1e999 is out of double's range"],
    ['float16 w = {-1}', '26: -1 is out of the bit patterns of float16'],
    ['float16 w = {70000.0}', "26: 70000.0 is out of float16's range"],
    ['string w = {1}', '25: expected a string, found 1'],
    ['float w = {x}', '24: expected a float, found x'],
    ['float[N] w = {1}', '13: the shape of a value is made of numbers, not N'],
    ['float[] w = {1}', '13: w needs a tensor type with a shape to have a value'],
    ['w = {1}', '13: w needs a tensor type with a shape to have a value'],
    ['seq(float) w = {1}', '13: w needs a tensor type with a shape to have a value'],
    ['dtype99 w = {1}', "25: elements of dtype99 can't be written in text"],
    ['float[99999999,99999999] w = {1}', '13: a tensor of shape [99999999,99999999] is too large'],
    ['float w = 1', '23: expected { or [, found 1'],
    ['w = ...', '17: ... stands for values that were left out of this text: they can not be read back'],
    ['float w = []', '23: external data needs a "location"'],
    ['float w = ["location": "rand:cauchy"]', '23: there is no "rand:cauchy": rand:normal and rand:uniform are known'],
    ['float w = ["location": "rand:normal", "sed": "7"]', '23: rand:normal has no "sed": it takes seed, mean, std, fan'],
    ['float w = ["location": "rand:normal", "std": "x"]', '23: "std" wants a number, not "x"'],
    ['float w = ["location": "rand:normal", "std": "1", "fan": "he"]', '23: "fan" and "std" both say the standard deviation'],
    ['float w = ["location": "rand:normal", "fan": "out"]', '23: there is no "fan": "out": "he" is known'],
    ['int8 w = ["location": "rand:normal"]', '22: rand:normal makes no int8 elements'],
    ['int8 w = ["location": "rand:uniform", "high": "200"]', "22: 199 is out of int8's range"],
    ['float w = ["location": "rand:uniform", "low": "2"]', '23: "low" 2 is above "high" 1'],
    ['float w = ["location": "fill:x"]', '23: fill wants a number, not "x"'],
    ['int8 w = ["location": "fill:0.5"]', '22: 0.5 is no int8'],
    ['int8 w = ["location": "fill:128"]', "22: 128 is out of int8's range"],
    ['string w = ["location": "fill:1"]', '24: fill makes no string elements'],
    ['float[100000,100000] w = ["location": "fill:1"]', '38: fill makes at most 268435456 elements, not 10000000000'],
  ])('%s', (text, message) => expect(inGraph(text)).toBe(message));

  test('of attributes', () => {
    const ofAttribute = (text: string) => complaint(`g () => () { y = Op <a ${text}> () }`);
    expect(ofAttribute('= 9223372036854775808')).toBe("1:26: 9223372036854775808 is out of int64's range");
    expect(ofAttribute(`= ${'9'.repeat(1e5)}`)).toBe(`1:26: ${'9'.repeat(40)}… is out of int64's range`);
    expect(ofAttribute('= 1e39')).toBe("1:26: 1e39 is out of float's range");
  });
});

describe('hostile texts', () => {
  test('nest too deep for the parser, not for the stack', () => {
    const type = `${'seq('.repeat(1e5)}float${')'.repeat(1e5)}`;
    expect(complaint(`g (${type} x) => () {}`)).toMatch(/nested more than 100 deep$/);
    const graph = (depth: number): string => `g () => () { = Op () <a = `.repeat(depth);
    expect(complaint(graph(1e5))).toMatch(/nested more than 100 deep$/);
  });

  test('end anywhere', () => {
    const text =
      '<ir_version: 8, opset_import: ["" : 17]> g (float[N] x = {1.5e3}) => (y) <float w = ["location": "f"]> { [l] y = a.Op:o <b: ints = [1], c = @d> (x, "") } <domain: "d"> f <p, q: int = 1> (x) => (x) {}';
    for (let length = 0; length < text.length; length++) complaint(text.slice(0, length));
  });

  test('have any character anywhere', () => {
    const text = 'g (float[2] x) => (float y) <float[2] w = {1, -2}> { y = Op <b: ints = [1]> (x, w) }';
    for (let i = 0; i < text.length; i++)
      for (const c of '<>(){}[]=,:.@?-"\\#1ae\u0000é\u{1F600}') complaint(text.slice(0, i) + c + text.slice(i + 1));
  });

  test('take time in proportion to their length', () => {
    const start = performance.now();
    for (const piece of ['"', '\\"', '[', '<', '#', '#\n', '-', '1', '.', 'a', ' ', '1,', 'x = Op () ', '"" ']) {
      complaint(`g () => () { ${piece.repeat(2e5)}`);
      complaint(`g () => () { y = Op <a = [${piece.repeat(2e5)}`);
    }
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
