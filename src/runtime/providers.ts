import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { FunnelError, ProviderUnavailable } from '../errors.ts';

/** Execution providers that some build of onnxruntime-node has, and what to do where one is missing. */
const remedies: Readonly<Record<string, string>> = {
  cpu: 'reinstall onnxruntime-node',
  webgpu:
    'install a GPU driver with Vulkan (Linux), Metal (macOS) or Direct3D 12 (Windows); without a GPU, `apt-get install chromium libvulkan1` brings a software adapter',
  cuda: 'reinstall onnxruntime-node without the setting `onnxruntime-node-install=skip`, beside an NVIDIA driver, CUDA 12 and cuDNN 9',
  tensorrt: 'reinstall onnxruntime-node without the setting `onnxruntime-node-install=skip`, beside an NVIDIA driver and TensorRT',
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
  return new ProviderUnavailable(name, why, available, remedy ?? 'choose another provider');
}

const icdFolders = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/local/etc/vulkan/icd.d'];
const swiftShaders = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
  '/usr/lib64/chromium-browser/vk_swiftshader_icd.json',
];

type Environment = Readonly<Record<string, string | undefined>>;

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

/** Which adapter a provider's work goes to, as far as the environment tells: ONNX Runtime does not say. */
export function describeAdapter(provider: string, env: Environment): string {
  if (provider === 'cpu') return 'CPU';
  if (provider !== 'webgpu') return `${provider} device 0`;
  if (process.platform !== 'linux') return process.platform === 'darwin' ? 'default adapter (Metal)' : 'default adapter (Direct3D 12)';
  const named = (env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES)?.split(':').filter(f => f !== '');
  const drivers = (named ?? icdFolders.flatMap(icdFiles)).map(f => basename(f));
  if (drivers.length === 1 && drivers[0]!.includes('swiftshader')) return 'software adapter (SwiftShader)';
  if (drivers.length === 1 && drivers[0]!.startsWith('lvp')) return 'software adapter (llvmpipe)';
  return `default Vulkan adapter (${[...new Set(drivers)].sort().join(', ') || 'driver unknown'})`;
}

function hasDriver(env: Environment): boolean {
  const named = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES'].some(name => env[name]);
  return named || icdFolders.some(folder => icdFiles(folder).length > 0);
}

function icdFiles(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder)
        .filter(f => f.endsWith('.json'))
        .map(f => join(folder, f))
    : [];
}
