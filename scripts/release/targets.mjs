// The platforms that get a prebuilt addon: what npm calls them, and what the compiler calls them.

/** `os`, `cpu` and `libc` are npm's fields of package.json; `zig` is the compiler's target. */
export const TARGETS = {
  'linux-x64-gnu': { os: 'linux', cpu: 'x64', libc: 'glibc', zig: 'x86_64-linux-gnu.2.28' },
  'linux-arm64-gnu': { os: 'linux', cpu: 'arm64', libc: 'glibc', zig: 'aarch64-linux-gnu.2.28' },
  'darwin-arm64': { os: 'darwin', cpu: 'arm64', zig: 'aarch64-macos.13.3' },
  'win32-x64': { os: 'win32', cpu: 'x64', zig: 'x86_64-windows-gnu' },
};

/** Newest glibc symbol version that a Linux addon may need. */
export const GLIBC = '2.28';

/** Package name of a target. */
export const packageName = (target) => `@pgenrm/${target}`;

/** The target of this machine, or null where there is none (musl, 32 bits, other systems). */
export function hostTarget() {
  const { platform, arch } = process;
  if (platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime) return null;
  const found = Object.entries(TARGETS).find(([, { os, cpu }]) => os === platform && cpu === arch);
  return found?.[0] ?? null;
}
