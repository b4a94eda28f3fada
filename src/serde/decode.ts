import { DecodeError } from '../errors.ts';
import { fields, type ModelProto, onnx } from './onnx.generated.js';
import { sniff } from './sniff.ts';
import { MessageReader } from './wire.ts';

/**
 * Reads a serialized ModelProto; payloads stay views on `bytes`.
 * @throws DecodeError with the offset and the path inside the model, saying what the file is instead where that can be told
 */
export function decodeProto(bytes: Uint8Array, budget?: number): ModelProto {
  const reader = new MessageReader(bytes, budget);
  let proto: ModelProto;
  try {
    proto = onnx.ModelProto.decode(reader);
  } catch (error) {
    refuseOtherFormats(bytes);
    throw explain(error, bytes, reader.pos);
  }
  if (!proto.graph || !Object.hasOwn(proto, 'ir_version')) refuseOtherFormats(bytes);
  return proto;
}

function refuseOtherFormats(bytes: Uint8Array): void {
  const what = sniff(bytes);
  if (what) throw new DecodeError('E_NOT_ONNX', `not an ONNX model: ${what}`, { offset: 0 });
}

/** What protobufjs throws, as an error of ours. */
function explain(error: unknown, bytes: Uint8Array, pos: number): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const known = error instanceof DecodeError;
  const offset = (known ? error.offset : undefined) ?? Math.min(pos, bytes.length);
  // The reader stands behind what it could not accept.
  const path = locate(bytes, known ? offset : Math.max(0, offset - 1));
  const place = `at byte ${offset}${path && `, in ${shortened(path)}`}`;
  if (known) return new DecodeError(error.code, `${error.message} (${place})`, { offset, path }, { cause: error });
  const [code, what] =
    error instanceof RangeError && error.message.startsWith('index out of range')
      ? ['E_TRUNCATED', 'the model ends early, or a length is wrong']
      : error.message === 'max depth exceeded'
        ? ['E_DEPTH', 'the model is nested too deeply']
        : ['E_WIRE', `the bytes are not a serialized model: ${error.message}`];
  return new DecodeError(code!, `${what} (${place})`, { offset, path }, { cause: error });
}

/** Where much is nested in much, the ends of a path do. */
const shortened = (path: string) => (path.length > 160 ? `${path.slice(0, 80)}…${path.slice(-80)}` : path);

/** The path of the field that the byte at `offset` belongs to, such as `graph.node[12].attribute[0].name`. */
export function locate(bytes: Uint8Array, offset: number): string {
  const path: string[] = [];
  let message: string | undefined = 'ModelProto';
  let at = 0;
  let end = bytes.length;
  while (message) {
    const counts = new Map<number, number>();
    let inner: string | undefined;
    while (at < end) {
      const tag = varint(bytes, at, end);
      if (!tag) break;
      const number = Math.floor(tag.value / 8);
      const field: { readonly name: string; readonly message?: string; readonly repeated?: true } | undefined = fields[message]?.[number];
      const content = contentOf(bytes, tag.end, tag.value % 8, end);
      const index = counts.get(number) ?? 0;
      counts.set(number, index + 1);
      if (content && content.end <= end && content.end <= offset) {
        at = content.end;
        continue;
      }
      path.push(field ? `${field.name}${field.repeated ? `[${index}]` : ''}` : `field ${number}`);
      if (content && content.start <= offset && content.end <= end) {
        inner = field?.message;
        at = content.start;
        end = content.end;
      }
      break;
    }
    message = inner;
  }
  return path.join('.');
}

function contentOf(bytes: Uint8Array, at: number, wire: number, end: number): { start: number; end: number } | undefined {
  if (wire === 1 || wire === 5) return { start: at, end: at + (wire === 1 ? 8 : 4) };
  const number = wire === 0 || wire === 2 ? varint(bytes, at, end) : undefined;
  return number && (wire === 0 ? { start: at, end: number.end } : { start: number.end, end: number.end + number.value });
}

function varint(bytes: Uint8Array, at: number, end: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let scale = 1; at < end; scale *= 128) {
    const byte = bytes[at++]!;
    value += (byte & 127) * scale;
    if (byte < 128) return { value, end: at };
  }
  return undefined;
}
