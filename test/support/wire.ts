import { fields } from '../../src/serde/onnx.generated.js';

/** Protobuf by hand, so that tests can say what no writer would. A message is the concatenation of its fields. */
export function message(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

export function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}

const tag = (number: number, wire: number) => varint(number * 8 + wire);

/** A varint field. */
export function int(number: number, value: number | bigint): Uint8Array {
  return message(tag(number, 0), varint(value));
}

/** A length-delimited field: text, bytes or a message. */
export function sub(number: number, content: string | Uint8Array, ...more: readonly Uint8Array[]): Uint8Array {
  const bytes = message(typeof content === 'string' ? Buffer.from(content) : content, ...more);
  return message(tag(number, 2), varint(bytes.length), bytes);
}

/** A 32-bit float field. */
export function float(number: number, value: number): Uint8Array {
  return message(tag(number, 5), new Uint8Array(Float32Array.of(value).buffer));
}

/** A message as plain data: field number → contents in order. Says the same about two encodings exactly when they are field-identical. */
export type Tree = { [number: number]: (Tree | string)[] };

/** Reads with the field table only: independent of the generated codec. Numbers without an entry stay bytes, in hexadecimal. */
export function tree(bytes: Uint8Array, type = 'ModelProto'): Tree {
  const result: Tree = {};
  let at = 0;
  const read = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(read());
    const number = key >>> 3;
    const wire = key & 7;
    const start = at;
    const length = wire === 2 ? Number(read()) : wire === 1 ? 8 : wire === 5 ? 4 : 0;
    const content = wire === 0 ? String(read()) : bytes.subarray(at, at + length);
    if (wire !== 0) at += length;
    if (at > bytes.length) throw new Error(`field ${number} at ${start} ends after its message`);
    const inner = fields[type]?.[number]?.message;
    const list = result[number] ?? [];
    result[number] = list;
    if (typeof content === 'string') list.push(content);
    else list.push(inner ? tree(content, inner) : Buffer.from(content).toString('hex'));
  }
  return result;
}
