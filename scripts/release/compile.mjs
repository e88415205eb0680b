// Compiles a list of C++ sources to object files, several at once; sources that did not change are not compiled again.
// Knows how to call a compiler; nothing of targets.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../native-config.mjs';

const run = promisify(execFile);

/** Object files of all sources, in their order. `compiler` is [program, ...first arguments]. */
export async function compileAll({ compiler, flags, sources, folder, jobs }) {
  const waiting = sources.entries();
  const objects = [];
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (const [index, source] of waiting)
        objects[index] = await compileOne(compiler, flags, source, folder);
    }),
  );
  return objects;
}

async function compileOne([program, ...first], flags, source, folder) {
  const object = path.join(folder, `${source.replaceAll('/', '-')}.o`);
  const command = [...first, ...flags, '-c', source, '-o', object];
  const stamp = () => hashOf([program, ...command, ...dependencies(`${object}.d`)]);
  const stampFile = `${object}.stamp`;
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp()) return object;
  try {
    const { stderr } = await run(program, [...command, '-MD', '-MF', `${object}.d`], {
      cwd: root,
      maxBuffer: 1 << 26,
    });
    if (stderr.trim() !== '') console.error(stderr.trim());
  } catch (error) {
    throw new Error(`${source} did not compile:\n${error.stderr || error.message}`);
  }
  writeFileSync(stampFile, stamp());
  return object;
}

// The files that a dependency file names, with their contents' hashes.
function dependencies(file) {
  if (!existsSync(file)) return ['no dependencies yet'];
  const [, names = ''] = readFileSync(file, 'utf8').replaceAll('\\\n', ' ').split(/:\s/, 2);
  return names
    .trim()
    .split(/\s+/)
    .map((name) => path.resolve(root, name))
    .map((name) => (existsSync(name) ? hashOf([name, readFileSync(name)]) : `${name} is gone`));
}

function hashOf(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}
