import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FunnelError, ProviderUnavailable } from '../errors.ts';
import { type Environment, installedDrivers } from './adapters.ts';

/** Execution providers that some build of onnxruntime-node has, and what to do where one is missing. */
const remedies: Readonly<Record<string, string>> = {
  cpu: 'reinstall onnxruntime-node',
  webgpu:
    'install a GPU driver with Vulkan (Linux), Metal (macOS) or Direct3D 12 (Windows); without a GPU, `apt-get install chromium libvulkan1` brings a software adapter',
  cuda: 'reinstall onnxruntime-node with it (`ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --foreground-scripts`), beside an NVIDIA driver, CUDA 12 and cuDNN 9',
  tensorrt:
    'reinstall onnxruntime-node with it (`ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --foreground-scripts`), beside an NVIDIA driver, CUDA 12 and TensorRT',
  coreml: 'use macOS',
  dml: 'use Windows with DirectX 12',
  qnn: 'use Windows on ARM64 with a Qualcomm NPU',
};

/** ONNX Runtime's class name of a provider, as its profiles spell it. */
const classes: Readonly<Record<string, string>> = {
  cpu: 'CPUExecutionProvider',
  webgpu: 'WebGpuExecutionProvider',
  cuda: 'CUDAExecutionProvider',
  tensorrt: 'TensorrtExecutionProvider',
  coreml: 'CoreMLExecutionProvider',
  dml: 'DmlExecutionProvider',
  qnn: 'QNNExecutionProvider',
};

/** Names of the providers that can be asked for. */
export const providerNames: readonly string[] = Object.keys(remedies);

/** @throws FunnelError `E_USAGE` for a name that no build of the runtime knows. */
export function checkProviderName(name: string): void {
  if (!Object.hasOwn(remedies, name))
    throw new FunnelError('E_USAGE', `unknown execution provider '${name}'; known: ${providerNames.join(', ')}`);
}

export function providerClass(name: string): string {
  return classes[name] ?? name;
}

/** The error for a provider that can't be used here, with what to do about it. */
export function unavailable(name: string, why: string, available: readonly string[]): ProviderUnavailable {
  const software = name === 'webgpu' && process.platform === 'linux' ? swiftShaders.find(existsSync) : undefined;
  const remedy = software
    ? `install a GPU driver with Vulkan, or set FUNNEL_SWIFTSHADER=${software} for the software adapter`
    : remedies[name];
  return new ProviderUnavailable(name, inWords(name, why), available, remedy ?? 'choose another provider');
}

/** ONNX Runtime says of a library that it could not load neither which nor why. */
function inWords(name: string, why: string): string {
  if (!/Failed to load (?:shared )?library/i.test(why) || (name !== 'cuda' && name !== 'tensorrt')) return why;
  if (!isDownloaded(name)) return "onnxruntime-node's library for it is not installed";
  return "onnxruntime-node's library for it can't be loaded: it does not find all the libraries of NVIDIA that it needs";
}

/** Whether the install script of onnxruntime-node has fetched a provider's library, which the package comes without. */
function isDownloaded(name: string): boolean {
  const folder = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), 'bin');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).some(file => file.includes(`onnxruntime_providers_${name}.`));
}

const swiftShaders = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
  '/usr/lib64/chromium-browser/vk_swiftshader_icd.json',
];

/**
 * The environment for the child process. On Linux without any Vulkan driver it names SwiftShader's, where that is installed:
 * WebGPU then runs, slowly, on the CPU. `FUNNEL_SWIFTSHADER` gives the path of its ICD file.
 */
export function childEnvironment(env: Environment = process.env): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [key, value] of Object.entries(env)) if (value !== undefined) result[key] = value;
  // ONNX Runtime's library reports to its maker unless told not to, and leaves log files; verifying a model is nobody else's business.
  result.ORT_DISABLE_TELEMETRY ??= '1';
  if (process.platform !== 'linux') return result;
  result.XDG_RUNTIME_DIR ??= tmpdir();
  const icd = env.FUNNEL_SWIFTSHADER ?? (hasDriver(env) ? undefined : swiftShaders.find(existsSync));
  if (icd !== undefined) {
    result.VK_ICD_FILENAMES = icd;
    result.VK_DRIVER_FILES = icd;
  }
  return result;
}

function hasDriver(env: Environment): boolean {
  const named = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES'].some(name => env[name]);
  return named || installedDrivers().length > 0;
}
