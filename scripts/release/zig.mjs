// Finds the zig compiler in a folder of its own, and installs it there from PyPI where it is not yet.
// Knows Python's virtual environments; nothing of what is compiled.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { root } from '../native-config.mjs';

const VERSION = '0.17.1';

/** The command that runs zig: [program, ...first arguments]. `PGENRM_ZIG` names another virtual environment. */
export function zigCommand() {
  const folder = process.env.PGENRM_ZIG ?? path.join(root, 'build', 'zig');
  const python = path.join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (!existsSync(python)) {
    console.error(`prebuild: installing zig ${VERSION} (PyPI's ziglang) into ${folder}`);
    execFileSync('python3', ['-m', 'venv', folder], { stdio: ['ignore', 2, 2] });
  }
  const command = [python, '-m', 'ziglang'];
  if (versionOf(command) !== VERSION) {
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', `ziglang==${VERSION}`], {
      stdio: ['ignore', 2, 2],
    });
    const found = versionOf(command);
    if (found !== VERSION) throw new Error(`zig ${VERSION} is needed in ${folder}, found ${found ?? 'none'}`);
  }
  return command;
}

function versionOf([program, ...first]) {
  try {
    return execFileSync(program, [...first, 'version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
