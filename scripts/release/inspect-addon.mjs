// Looks into a linked addon: is it for the platform that it is named after, what does it need at run time, does it export
// Node's entry point. Reads the files themselves, so that every target can be inspected on one machine.
import { readFileSync } from 'node:fs';
import { GLIBC, TARGETS } from './targets.mjs';

/** `{ summary, ... }` of the file; throws where it is not what the target needs. `portable`: it must run on old systems. */
export function inspectAddon(file, target, portable) {
  const bytes = readFileSync(file);
  const { os, cpu } = TARGETS[target];
  if (!bytes.includes('napi_register_module_v1'))
    throw new Error(`${file} does not export napi_register_module_v1`);
  const found = { linux: elf, darwin: machO, win32: pe }[os](bytes);
  if (found.cpu !== cpu) throw new Error(`${file} is for ${found.cpu}, not for ${cpu}`);
  if (found.glibc !== undefined && portable && compareVersions(found.glibc, GLIBC) > 0)
    throw new Error(`${file} needs glibc ${found.glibc}; at most ${GLIBC} is allowed`);
  return found;
}

function elf(bytes) {
  if (bytes.toString('latin1', 0, 4) !== '\x7fELF') throw new Error('not an ELF file');
  const cpu = { 62: 'x64', 183: 'arm64' }[bytes.readUInt16LE(18)] ?? 'another processor';
  const text = bytes.toString('latin1');
  const versions = [...new Set([...text.matchAll(/GLIBC_(\d+(?:\.\d+)+)\0/g)].map(([, version]) => version))];
  const glibc = versions.sort(compareVersions).at(-1) ?? '0';
  const cxx = /GLIBCXX_\d/.test(text);
  return {
    cpu,
    glibc,
    libstdcxx: cxx,
    summary: `ELF for ${cpu}, glibc ${glibc}${cxx ? ', libstdc++ of the system' : ''}`,
  };
}

function machO(bytes) {
  if (bytes.readUInt32LE(0) !== 0xfeedfacf) throw new Error('not a 64-bit Mach-O file');
  const cpu = bytes.readUInt32LE(4) === 0x0100000c ? 'arm64' : 'another processor';
  // LC_BUILD_VERSION (0x32): platform, then the oldest macOS as X.Y.Z in nibbles.
  let macos = null;
  for (let i = 0, at = 32; i < bytes.readUInt32LE(16); i++, at += bytes.readUInt32LE(at + 4)) {
    if (bytes.readUInt32LE(at) !== 0x32) continue;
    const packed = bytes.readUInt32LE(at + 12);
    macos = `${packed >> 16}.${(packed >> 8) & 255}`;
  }
  if (macos === null) throw new Error('the file does not say which macOS it needs');
  return { cpu, macos, summary: `Mach-O for ${cpu}, macOS ${macos}` };
}

function pe(bytes) {
  const header = bytes.readUInt32LE(0x3c);
  if (bytes.toString('latin1', header, header + 4) !== 'PE\0\0') throw new Error('not a PE file');
  const cpu = bytes.readUInt16LE(header + 4) === 0x8664 ? 'x64' : 'another processor';
  const text = bytes.toString('latin1');
  if (!/node\.exe\0/i.test(text)) throw new Error('the file does not import node.exe');
  const libraries = [
    ...new Set([...text.matchAll(/([\w.-]+\.dll)\0/gi)].map(([, name]) => name.toLowerCase())),
  ].sort();
  return { cpu, libraries, summary: `PE for ${cpu}, needs ${libraries.join(', ')}` };
}

function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    if ((left[i] ?? 0) !== (right[i] ?? 0)) return (left[i] ?? 0) - (right[i] ?? 0);
  }
  return 0;
}
