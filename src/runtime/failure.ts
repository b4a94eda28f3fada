import { stripVTControlCharacters } from 'node:util';
import { FunnelError } from '../errors.ts';

/** How a request to the runtime ended badly: by an error it reported, by its own death, or by ours: a limit was passed. */
export type FailureKind = 'error' | 'crashed' | 'timeout' | 'memory';

/** What an error of ONNX Runtime is about. */
export type FailureCategory =
  /** The model breaks a rule of ONNX, or is no model. */
  | 'load'
  /** An operator, or an operator set, that the runtime does not know. */
  | 'unsupported-op'
  /** A known operator without a kernel for this element type. */
  | 'not-implemented'
  /** The execution provider, or its device, is not there. */
  | 'provider-missing'
  | 'memory'
  /** Shapes that do not fit together, or inputs that do not fit the model. */
  | 'shape'
  | 'crash'
  | 'timeout'
  | 'other';

/** A request to ONNX Runtime that failed. The message is one line. */
export class RuntimeFailure extends FunnelError {
  readonly kind: FailureKind;
  readonly category: FailureCategory;
  constructor(kind: FailureKind, category: FailureCategory, message: string) {
    super('E_RUNTIME', message);
    this.kind = kind;
    this.category = category;
  }
}

/** ONNX Runtime's errors have no code; these are its words, in the order in which they decide. */
const signs: readonly (readonly [RegExp, FailureCategory])[] = [
  [
    /Failed to get a WebGPU adapter|Failed to load shared library|Failed to load library|backend not found|Cannot find module|dlopen/i,
    'provider-missing',
  ],
  [/Execution provider .* is not (?:supported|enabled|available)|CUDA driver version|no CUDA-capable device/i, 'provider-missing'],
  [/Failed to allocate memory|bad_alloc|out of memory|BFCArena|no room for temporary files/i, 'memory'],
  [
    /Could not find an implementation|NOT_IMPLEMENTED|Unsupported (?:data|tensor) type|Tensor type .* is not supported|Invalid typed array length|device does not support it|not implemented/i,
    'not-implemented',
  ],
  [
    /No Op registered for|No opset import for domain|No schema registered|is not a registered function\/op|Opset \d+ is under development/i,
    'unsupported-op',
  ],
  [
    /Unsupported model IR version|Protobuf parsing failed|No graph was found|Load model from .* failed|External data|External initializer|invalid model|failed to load model/i,
    'load',
  ],
  [
    /Got invalid dimensions|Invalid rank for input|Unexpected input data type|Invalid Feed Input Name|is missing in 'feeds'|required inputs/i,
    'shape',
  ],
  [/ShapeInferenceError|TypeInferenceError|INVALID_GRAPH|Type Error/i, 'load'],
  [/shape|dimension|broadcast|axis/i, 'shape'],
];

/** The failure that an error message of the child stands for. */
export function classify(message: string): RuntimeFailure {
  const category = signs.find(([pattern]) => pattern.test(message.slice(0, 4000)))?.[1] ?? 'other';
  return new RuntimeFailure('error', category, oneLine(message));
}

/** A failure that reads the same on every machine: paths in its message become what stands for them. @throws whatever it is given, and nothing else */
export function rethrown(error: unknown, names: ReadonlyMap<string, string>): never {
  if (!(error instanceof RuntimeFailure)) throw error;
  // All at once: what a path became may hold another one.
  const paths = [...names.keys()].map(path => path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const message = paths === '' ? error.message : error.message.replace(new RegExp(paths, 'g'), path => names.get(path)!);
  throw new RuntimeFailure(error.kind, error.category, message);
}

/** An error message of ONNX Runtime, or of its process, without C++ locations, line breaks, and what is another in every run: times, process ids, addresses. */
export function oneLine(message: string): string {
  // What is sought takes the square of the length, which names inside messages can make anything.
  const text = stripVTControlCharacters(message.slice(0, 4000))
    .replace(/\s+/g, ' ')
    // `2026-11-25 07:12:33.123 [E:onnxruntime:, file.cc:572 Run] `, `[12:34:1125/071233.123:ERROR:file.cc(12)] `
    .replace(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?Z? ?(?:\[[A-Z]:[^\]]*\] )?/g, '')
    .replace(/\[(?:\d+:)*\d{4}\/\d{6}(?:\.\d+)?:[A-Z]+:[^\]]*\] /g, '')
    // `(node:1234) `, `[1234:0x5581] 12 ms: `, `node[1234]: `
    .replace(/\(node:\d+\) |\[\d+:0x[\da-f]+\] +\d+ ms: |\bnode\[\d+\]: /g, '')
    .replace(/\b(pid|tid|thread(?: id)?)([ :=#]+)\d+/gi, '$1$2…')
    .replace(/\b0x[\da-f]{6,}\b/gi, '0x…')
    // `/onnxruntime_src/…/file.cc:136 void ns::f(const T&) [with …] condition was false. What happened`
    .replace(/(?:[\w./\\-]+\.(?:cc|cpp|h|hpp|cu)):\d+ (?:[^"']*? was false\. ?|(?:[\w:~<>,&*[\]() ]+\)(?: const)? ))?/g, '')
    .replace(/^Error: |\[with [^\]]*\] ?/g, '')
    .replace(/ Please fix either the inputs\/outputs or the model\./, '')
    .trim();
  return text === '' ? 'the runtime gave no reason' : text;
}
