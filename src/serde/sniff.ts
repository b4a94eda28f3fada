/** Beginnings of files that people mistake for ONNX models, at an offset. */
const magics: readonly (readonly [offset: number, start: string, what: string])[] = [
  [0, '\x89PNG', 'it is a PNG image'],
  [0, '\xff\xd8\xff', 'it is a JPEG image'],
  [0, 'GIF8', 'it is a GIF image'],
  [0, '%PDF', 'it is a PDF document'],
  [0, 'PK\x03\x04', 'it is a zip archive (PyTorch .pt and .pth files are, Keras .keras files too): export the model to ONNX first'],
  [0, '\x1f\x8b', 'it is compressed with gzip: decompress it first'],
  [0, '\x89HDF\r\n\x1a\n', 'it is an HDF5 file (Keras .h5): export the model to ONNX first'],
  [0, '\x93NUMPY', 'it is a NumPy array'],
  [0, 'GGUF', 'it is a GGUF model'],
  [4, 'TFL3', 'it is a TensorFlow Lite model: convert it with tf2onnx first'],
  [4, 'ORTM', 'it is in the ORT format of ONNX Runtime: use the .onnx file it was made from'],
  [0, 'version https://git-lfs', 'it is a git-lfs pointer: fetch the model itself with `git lfs pull`'],
  [0, '\x7fELF', 'it is an executable'],
  [0, '\xff\xfe', 'it is UTF-16 text'],
  [0, '\xfe\xff', 'it is UTF-16 text'],
];

/** What a file is that is not an ONNX model; undefined where nothing is recognised. Looks at the beginning only. */
export function sniff(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'the file is empty';
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).toString('latin1');
  const magic = magics.find(([offset, start]) => head.startsWith(start, offset));
  if (magic) return magic[2];
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5)
    return 'it is a Python pickle (old PyTorch files are): export the model to ONNX first';
  if (/^.{8}\{"/s.test(head) && bytes[7] === 0) return 'it is a safetensors file: it holds weights, but no graph';
  if (bytes.subarray(0, head.length).every(byte => byte === 0)) return 'it begins with zeros, as an unfinished download does';
  const text = head.replace(/^\xef\xbb\xbf/, '').trimStart();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells binary from text
  if (text && !/[\0-\x08\x0e-\x1f]/.test(text)) return whichText(text);
  return isTensor(bytes) ? 'it is a single tensor (TensorProto), such as test data' : undefined;
}

function whichText(text: string): string {
  if (/^<(!doctype html|html)/i.test(text)) return 'it is an HTML page: the download got a web page instead of the model';
  if (/^<\?xml/.test(text)) return 'it is XML';
  if (/^[[{]/.test(text)) return 'it is JSON';
  if (/^<\s*ir_version\s*:/.test(text)) return 'it is a model in ONNX text: name it .onnxtxt';
  return 'it is text';
}

/** Only tags and lengths are looked at: element type (2), then data (4–7, 9–11) or an external place (13), fields of a TensorProto only. */
function isTensor(bytes: Uint8Array): boolean {
  const seen = new Set<number>();
  for (let at = 0; at < bytes.length && seen.size < 16; ) {
    const tag = bytes[at++]!;
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      value += (bytes[at]! & 127) * scale;
      if (bytes[at++]! < 128) break;
    }
    const wire = tag & 7;
    const number = tag >> 3;
    if ((wire !== 0 && wire !== 2) || number > 14 || number === 0) return false;
    if (number <= 2 !== (wire === 0) && number !== 1) return false;
    seen.add(number);
    if (wire === 2) at += value;
    if (at > bytes.length) return false;
  }
  return seen.has(2) && [4, 5, 6, 7, 9, 10, 11, 13].some(number => seen.has(number));
}
