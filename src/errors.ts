/** Every error this package throws on purpose has a stable `code`; anything else that escapes is a bug of ours. */
export class FunnelError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A file that is not a readable ONNX model: what is wrong, at which byte, and where inside the model. */
export class DecodeError extends FunnelError {
  /** Byte offset in the file, where known. */
  readonly offset: number | undefined;
  /** Path inside the model, such as `graph.node[12].attribute[0]`. */
  readonly path: string | undefined;
  constructor(code: string, message: string, at: { readonly offset?: number; readonly path?: string } = {}, options?: ErrorOptions) {
    super(code, message, options);
    this.offset = at.offset;
    this.path = at.path;
  }
}

/** Text that is not in ONNX's textual syntax. */
export class TextSyntaxError extends FunnelError {
  readonly line: number;
  readonly column: number;
  constructor(message: string, line: number, column: number) {
    super('E_SYNTAX', `${line}:${column}: ${message}`);
    this.line = line;
    this.column = column;
  }
}

/** One broken invariant of a model, and where. */
export interface Problem {
  readonly where: string;
  readonly message: string;
}

/** A model that breaks ONNX's own rules: all problems at once. */
export class InvalidModel extends FunnelError {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    const [first] = problems;
    const more = problems.length > 1 ? ` (${problems.length} problems in all)` : '';
    super('E_INVALID_MODEL', `the model is invalid: ${first?.where}: ${first?.message}${more}`);
    this.problems = problems;
  }
}

/** A configuration that TypeScript, or we, do not understand: all problems at once. */
export class InvalidConfig extends FunnelError {
  readonly problems: readonly Problem[];
  constructor(label: string, problems: readonly Problem[]) {
    const [first] = problems;
    super('E_CONFIG', problems.length === 1 ? `${first!.where}: ${first!.message}` : `${label} has ${problems.length} problems`);
    this.problems = problems;
  }
}

/** A pass that could not finish, and at which node. */
export class PassFailed extends FunnelError {
  readonly pass: string;
  readonly node: string;
  constructor(pass: string, node: string, message: string, options?: ErrorOptions) {
    super('E_PASS_FAILED', `${pass} at ${node}: ${message}`, options);
    this.pass = pass;
    this.node = node;
  }
}

/** An execution provider, or the runtime itself, that is not there or did not survive. */
export class ProviderUnavailable extends FunnelError {
  readonly provider: string;
  readonly why: string;
  readonly available: readonly string[];
  readonly remedy: string;
  constructor(provider: string, why: string, available: readonly string[], remedy: string) {
    super('E_PROVIDER', `${provider}: ${why}; ${remedy}`);
    this.provider = provider;
    this.why = why;
    this.available = available;
    this.remedy = remedy;
  }
}
