// Which package brings the addon for this platform, and how a user of each package manager installs it.
// Knows names; loads nothing.

const TARGETS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64-gnu',
  'linux-arm64': 'linux-arm64-gnu',
  'darwin-arm64': 'darwin-arm64',
  'win32-x64': 'win32-x64',
};

/** The package with the addon for this platform, or null with the reason where there is none. */
export function platformPackage():
  | { readonly name: string; readonly reason: '' }
  | { readonly name: null; readonly reason: string } {
  const platform = `${process.platform}-${process.arch}`;
  const target = TARGETS[platform];
  if (target === undefined) return { name: null, reason: `there is no prebuilt addon for ${platform}` };
  if (isMusl()) return { name: null, reason: 'there is no prebuilt addon for Linux with musl (Alpine)' };
  return { name: `@pgenrm/${target}`, reason: '' };
}

/** Whether this is a Linux without glibc, where llama.cpp's prebuilt libraries do not run either. */
export function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  // Without the network part, whose reverse name look-ups can take seconds.
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  const before = report.excludeNetwork;
  report.excludeNetwork = true;
  try {
    const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
    return header.glibcVersionRuntime === undefined;
  } finally {
    report.excludeNetwork = before ?? false;
  }
}

/** The command that installs a package with the package manager that runs this program; npm's where none says so. */
export function installCommand(name: string, agent = process.env.npm_config_user_agent ?? ''): string {
  const manager = agent.split('/')[0];
  return manager === 'pnpm' || manager === 'yarn' || manager === 'bun'
    ? `${manager} add ${name}`
    : `npm install ${name}`;
}
