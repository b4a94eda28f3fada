import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { describeAdapter } from '../src/runtime/adapters.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A machine of which nothing is known but some files. */
function machine(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'funnel-machine-'));
  folders.push(root);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

const icd = (version: string) => JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: './lib.so', api_version: version } });
const nvidia = {
  'proc/driver/nvidia/version':
    'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\nGCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n',
  'proc/driver/nvidia/gpus/0000:01:00.0/information': 'Model: \t\t NVIDIA GeForce RTX 3060\nIRQ:   \t\t 130\n',
};

describe.runIf(process.platform === 'linux')('what a provider runs on', () => {
  test('NVIDIA’s devices and driver', () => {
    expect(describeAdapter('cuda', {}, machine(nvidia))).toBe('cuda device 0 (NVIDIA GeForce RTX 3060, NVIDIA driver 535.129.03)');
    const two = machine({
      ...nvidia,
      'proc/driver/nvidia/version': 'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (dvs-builder)\n',
      'proc/driver/nvidia/gpus/0000:02:00.0/information': 'Model: \t\t NVIDIA GeForce RTX 3060\n',
    });
    expect(describeAdapter('cuda', {}, two)).toBe('cuda device 0 (2 × NVIDIA GeForce RTX 3060, NVIDIA driver 550.54.14)');
    expect(describeAdapter('cuda', {}, machine({}))).toBe('cuda device 0');
  });

  test('drivers of Vulkan and the cards beside them', () => {
    const intel = machine({
      'etc/vulkan/icd.d/intel_icd.x86_64.json': icd('1.3.274'),
      'sys/class/drm/card0/device/vendor': '0x8086\n',
      'sys/class/drm/card0/device/device': '0x9a49\n',
      'sys/class/drm/card0-DP-1/status': 'connected\n',
    });
    symlinkSync('../../../bus/pci/drivers/i915', join(intel, 'sys/class/drm/card0/device/driver'));
    expect(describeAdapter('webgpu', {}, intel)).toBe(
      'default Vulkan adapter (Intel GPU 0x9a49 with i915, intel_icd.x86_64.json of Vulkan 1.3.274)',
    );
    const card = { 'sys/class/drm/card0/device/vendor': '0x10de\n', 'sys/class/drm/card0/device/device': '0x2504\n' };
    const drivers = { 'usr/share/vulkan/icd.d/nvidia_icd.json': icd('1.3.242') };
    expect(describeAdapter('webgpu', {}, machine({ ...nvidia, ...card, ...drivers }))).toBe(
      'default Vulkan adapter (NVIDIA GeForce RTX 3060, NVIDIA driver 535.129.03, nvidia_icd.json of Vulkan 1.3.242)',
    );
    expect(describeAdapter('webgpu', {}, machine(card))).toBe('default Vulkan adapter (NVIDIA GPU 0x2504, driver unknown)');
    expect(describeAdapter('webgpu', {}, machine({}))).toBe('default Vulkan adapter (driver unknown)');
  });

  test('software adapters are called that', () => {
    const file = '/usr/lib/chromium/vk_swiftshader_icd.json';
    const files = {
      [file]: icd('1.0.5'),
      'var/lib/dpkg/status':
        'Package: chrome\nVersion: 1\n\nPackage: chromium\nStatus: install ok installed\nVersion: 156.0-1\n\nPackage: z\nVersion: 2\n',
    };
    expect(describeAdapter('webgpu', { VK_ICD_FILENAMES: file }, machine(files))).toBe(
      'software adapter (SwiftShader of chromium 156.0-1, Vulkan 1.0.5)',
    );
    expect(describeAdapter('webgpu', { VK_DRIVER_FILES: '/opt/vk_swiftshader_icd.json' }, machine({}))).toBe(
      'software adapter (SwiftShader)',
    );
    const lvp = machine({ 'usr/share/vulkan/icd.d/lvp_icd.x86_64.json': icd('1.3.230') });
    expect(describeAdapter('webgpu', {}, lvp)).toBe('software adapter (llvmpipe, Vulkan 1.3.230)');
  });
});
