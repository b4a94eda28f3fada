import { spawnSync } from 'node:child_process';
import type { Contestant } from './process.ts';

/** A python with onnxruntime, onnxscript, onnxsim and onnxslim, as far as they are to be compared with: PEERS=/path/to/python. */
const python = process.env.PEERS;

const ORT =
  'import onnxruntime as o,sys;s=o.SessionOptions();s.graph_optimization_level=o.GraphOptimizationLevel.ORT_ENABLE_BASIC;s.optimized_model_filepath=sys.argv[2];s.log_severity_level=4;o.InferenceSession(sys.argv[1],s)';
const ONNXSCRIPT =
  'import onnx,onnxscript.optimizer as p,onnxscript.rewriter as r,sys;m=onnx.load(sys.argv[1]);m=r.rewrite(p.optimize(m));onnx.save(m,sys.argv[2])';
const ONNXSIM = 'import onnx,onnxsim,sys;m,ok=onnxsim.simplify(onnx.load(sys.argv[1]));onnx.save(m,sys.argv[2])';
const ONNXSLIM = 'import onnx,onnxslim,sys;onnx.save(onnxslim.slim(onnx.load(sys.argv[1])),sys.argv[2])';

const scripts: Readonly<Record<string, readonly [module: string, code: string]>> = {
  'onnxruntime BASIC': ['onnxruntime', ORT],
  onnxscript: ['onnxscript', ONNXSCRIPT],
  onnxsim: ['onnxsim', ONNXSIM],
  onnxslim: ['onnxslim', ONNXSLIM],
};

const installed = Object.entries(scripts).filter(([, [module]]) => python && spawnSync(python, ['-c', `import ${module}`]).status === 0);

/** Each of these tools that is installed, at its work on `input`. */
export function peers(names: readonly string[], input: string, output: string): Contestant[] {
  return installed
    .filter(([name]) => names.includes(name))
    .map(([name, [, code]]) => ({ name, command: [python!, '-c', code, input, output] }));
}
