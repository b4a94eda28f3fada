import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where drivers of Vulkan tell where they are. */
const icdFolders = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/local/etc/vulkan/icd.d'];

/** The files in which this machine's drivers of Vulkan say where they are. */
export const installedDrivers = (root = '/'): string[] =>
  icdFolders.flatMap(folder => namesIn(join(root, folder)).flatMap(f => (f.endsWith('.json') ? [join(folder, f)] : [])));

/**
 * What a provider's work goes to, with its driver, as far as files tell: ONNX Runtime does not say, and no program is asked. A software
 * adapter's description begins with `software`. `root` is where the machine's files are.
 */
export function describeAdapter(provider: string, env: Environment, root = '/'): string {
  if (provider === 'cpu') return 'CPU';
  if (provider === 'cuda' || provider === 'tensorrt') return described(`${provider} device 0`, nvidia(root));
  if (provider !== 'webgpu') return `${provider} device 0`;
  if (process.platform === 'darwin') return 'default adapter (Metal)';
  if (process.platform === 'win32') return 'default adapter (Direct3D 12)';
  const named = (env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES)?.split(':').filter(f => f !== '');
  const drivers = [...new Set(named ?? installedDrivers(root))].sort();
  const [only] = drivers;
  if (drivers.length === 1 && basename(only!).includes('swiftshader'))
    return described('software adapter', [`SwiftShader${packageOf(only!, root)}`, ...vulkan(only!, root)]);
  if (drivers.length === 1 && basename(only!).startsWith('lvp')) return described('software adapter', ['llvmpipe', ...vulkan(only!, root)]);
  const spelled = drivers.map(file => [basename(file), ...vulkan(file, root)].join(' of '));
  const graphics = [...nvidia(root), ...cards(root)];
  return described('default Vulkan adapter', [...graphics, ...(spelled.length > 0 ? spelled : ['driver unknown'])]);
}

const described = (what: string, details: readonly string[]) => (details.length === 0 ? what : `${what} (${details.join(', ')})`);

/** NVIDIA's devices and driver, as its kernel module lists them; empty without it. */
function nvidia(root: string): string[] {
  const folder = join(root, 'proc/driver/nvidia');
  const models = namesIn(join(folder, 'gpus')).flatMap(bus => {
    const model = /^Model:\s*(.*\S)/m.exec(textOf(join(folder, 'gpus', bus, 'information')))?.[1];
    return model === undefined ? [] : [model];
  });
  // `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 …`
  const version = /^NVRM version:.*?\s(\d+(?:\.\d+)+)\s/m.exec(textOf(join(folder, 'version')))?.[1];
  const counted = [...new Set(models)].map(model => {
    const n = models.filter(other => other === model).length;
    return n === 1 ? model : `${n} × ${model}`;
  });
  return version === undefined ? counted : [...counted, `NVIDIA driver ${version}`];
}

/** PCI's numbers of those who make GPUs. */
const vendors: Readonly<Record<string, string>> = { '0x1002': 'AMD', '0x8086': 'Intel', '0x1af4': 'virtio', '0x15ad': 'VMware' };
/** NVIDIA's, whose own driver says more. */
const nvidiaVendor = '0x10de';

/** Other GPUs, by vendor, device number and kernel driver. */
function cards(root: string): string[] {
  const folder = join(root, 'sys/class/drm');
  const found = namesIn(folder)
    .filter(name => /^card\d+$/.test(name))
    .flatMap(card => {
      const device = join(folder, card, 'device');
      const [vendor, id] = ['vendor', 'device'].map(name => textOf(join(device, name)).trim());
      if (!vendor || !id || (vendor === nvidiaVendor && existsSync(join(root, 'proc/driver/nvidia/version')))) return [];
      const driver = linkOf(join(device, 'driver'));
      return [`${vendors[vendor] ?? (vendor === nvidiaVendor ? 'NVIDIA' : vendor)} GPU ${id}${driver === '' ? '' : ` with ${driver}`}`];
    });
  return [...new Set(found)];
}

/** The version of Vulkan that a driver's file names. */
function vulkan(file: string, root: string): string[] {
  const version = /"api_version"\s*:\s*"([\d.]+)"/.exec(textOf(join(root, file)))?.[1];
  return version === undefined ? [] : [`Vulkan ${version}`];
}

/** The Debian package that brought SwiftShader, with its version: SwiftShader has none of its own. */
function packageOf(file: string, root: string): string {
  if (!file.startsWith('/usr/lib/chromium/')) return '';
  const entry = /^Package: chromium\n(?:.+\n)*?Version: (.+)$/m.exec(textOf(join(root, 'var/lib/dpkg/status')));
  return entry ? ` of chromium ${entry[1]}` : '';
}

/** Names in a folder, in order; none where it can't be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return basename(readlinkSync(path));
  } catch {
    return '';
  }
}
