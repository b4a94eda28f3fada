import { sizeOf } from '../src/tensor/broadcast.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { type Made, real, typeCode, type Writer } from './writer.ts';

type Form = (writer: Writer, tensor: Tensor) => Made | undefined;

/** Everything a constant may be behind. */
const forms: readonly Form[] = [
  (w, t) => w.store(t),
  (w, t) => w.store(t),
  (w, t) => w.store(t),
  (w, t) => w.node('Constant', [], t.dims, { value: t }, t.dtype),
  // Literals of Constant, which are float alone.
  (w, t) => {
    if (w.world.opset < 12 || t.dtype !== 'float' || t.rank > 1 || (t.rank === 1 && t.size === 0)) return undefined;
    const values = Array.from(t.numbers());
    return w.node('Constant', [], t.dims, t.rank === 0 ? { value_float: real(values[0]!) } : { value_floats: real(values) }, 'float');
  },
  (w, t) => w.node('Identity', [w.store(t)], t.dims),
  (w, t) => w.node('Identity', [w.node('Identity', [w.store(t)], t.dims)], t.dims),
  (w, t) => {
    if (t.rank !== 2) return undefined;
    return w.node('Transpose', [w.store(transposed(t))], t.dims, { perm: [1, 0] });
  },
  (w, t) => {
    if (t.dtype === 'double' || t.dtype === 'bfloat16') return undefined;
    return w.node('Cast', [w.store(t.as('double').settle())], t.dims, { to: typeCode(t.dtype) }, t.dtype);
  },
  (w, t) => (t.size === 0 ? undefined : w.node('Reshape', [w.store(t.reshape([t.size])), w.integers(t.dims)], t.dims)),
  // A caller may give another one.
  (w, t) => {
    const { irVersion, names } = w.world;
    if (w.kind !== 'main' || irVersion < 4 || !w.dice.chance(0.4)) return undefined;
    const value = w.graph.addInput(names.fresh('w'), { kind: 'tensor', dtype: t.dtype, shape: t.dims }, t);
    return { value, dims: t.dims, dtype: t.dtype };
  },
];

/** A constant, in one of the many forms it may have in a file; in a function it may be an input. */
export function literal(writer: Writer, tensor: Tensor): Made {
  const { dice } = writer;
  const settled = tensor.settle();
  const again = writer.weights.filter(m => m.dtype === tensor.dtype && m.dims.join() === tensor.dims.join());
  if (again.length > 0 && dice.chance(0.15)) return dice.pick(again);
  const made = fresh(writer, settled);
  writer.weights.push(made);
  return made;
}

function fresh(writer: Writer, tensor: Tensor): Made {
  const { dice, parent } = writer;
  if (writer.kind === 'function' && dice.chance(0.6)) {
    const value = writer.graph.addInput(writer.world.names.fresh('p'));
    writer.parameters.push({ value, tensor });
    return { value, dims: tensor.dims, dtype: tensor.dtype };
  }
  if (writer.kind === 'nested' && parent && dice.chance(0.3)) return writer.world.names.apart(() => fresh(parent, tensor));
  for (;;) {
    const made = dice.pick(forms)(writer, tensor);
    if (made) return made;
  }
}

/** A vector of equal numbers, as exporters write them that don't fold constants. */
export function uniformVector(writer: Writer, size: number, x: number, like: Made): Made {
  const { dice, world } = writer;
  const { dtype, opset } = world;
  if (opset >= 15 && dice.chance(0.5)) {
    const one = writer.node('CastLike', [writer.store(Tensor.of('float', [], [x])), like], [], {}, dtype);
    return writer.node('Expand', [one, writer.integers([size])], [size]);
  }
  if (opset < 9) return literal(writer, Tensor.of(dtype, [size], new Float64Array(size).fill(x)));
  return writer.node('ConstantOfShape', [writer.integers([size])], [size], { value: Tensor.of(dtype, [1], [x]) }, dtype);
}

function transposed(t: Tensor): Tensor {
  const [rows, columns] = t.dims as [number, number];
  const values = t.numbers();
  return Tensor.of(
    t.dtype,
    [columns, rows],
    Float64Array.from({ length: sizeOf(t.dims) }, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!),
  );
}
