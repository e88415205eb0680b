// What the shape of the sources has to be: no circles of files, nothing of Node in what a browser needs, no crowded folders.
// Pure: knows paths below src/ and texts; exceptions are listed by the caller, and one that is not needed any more is a problem, too.
import path from 'node:path';

/** Most files that a folder shows at one level. */
const MOST_FILES = 14;

/** The paths below src/ that a file imports. */
function importsOf(file, text) {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, specifier]) =>
    path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)).replace(/\.js$/, '.ts'),
  );
}

/** Circles of files (strongly connected components, Tarjan 1972), each sorted; `sources` maps a path to its text. */
export function circlesOf(sources) {
  const order = new Map();
  const lowest = new Map();
  const stack = [];
  const circles = [];
  const visit = (file) => {
    order.set(file, order.size);
    lowest.set(file, order.get(file));
    stack.push(file);
    for (const target of importsOf(file, sources.get(file))) {
      if (!sources.has(target)) continue;
      if (!order.has(target)) visit(target);
      if (stack.includes(target)) lowest.set(file, Math.min(lowest.get(file), lowest.get(target)));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const file of sources.keys()) if (!order.has(file)) visit(file);
  return circles;
}

/** Problems of circles; `allowed` names folders of src/ that still have some within. */
export function circleProblems(sources, allowed) {
  const circles = circlesOf(sources).map((circle) => ({
    circle,
    folders: [...new Set(circle.map((file) => file.split('/')[0]))],
  }));
  const isAllowed = ({ folders }) => folders.length === 1 && allowed.includes(folders[0]);
  return [
    ...circles
      .filter((one) => !isAllowed(one))
      .map(
        ({ circle }) =>
          `files that import each other in a circle: ${circle.map((file) => `src/${file}`).join(', ')}`,
      ),
    ...allowed
      .filter((folder) => !circles.some(({ folders }) => folders.length === 1 && folders[0] === folder))
      .map(
        (folder) => `src/${folder} has no circle any more: take it from the list in scripts/check-layers.mjs`,
      ),
  ];
}

/** Problems of imports of Node where a browser needs the folder; `allowed` names files that still have one. */
export function nodeProblems(sources, { folders, except, allowed }) {
  const inside = (file, list) => list.some((folder) => file === folder || file.startsWith(`${folder}/`));
  const withNode = [...sources]
    .filter(([file]) => inside(file, folders) && !inside(file, except))
    .filter(([, text]) => /(?:from|import)\s*\(?\s*'node:/.test(text))
    .map(([file]) => file);
  return [
    ...withNode
      .filter((file) => !allowed.includes(file))
      .map(
        (file) =>
          `src/${file} imports node:, but a browser needs it: let what it takes from Node come in from outside`,
      ),
    ...allowed
      .filter((file) => !withNode.includes(file))
      .map(
        (file) =>
          `src/${file} imports nothing of Node any more: take it from the list in scripts/check-layers.mjs`,
      ),
  ];
}

/** What a file loads: paths below src/ and names of packages; types alone load nothing. */
function loadsOf(file, text) {
  const loads = [];
  for (const [, clause, specifier] of text.matchAll(/^(?:import|export)\b([^;]*?)\bfrom\s+'([^']+)'/gms)) {
    const names = /\{([^}]*)\}/.exec(clause)?.[1].split(',') ?? [];
    const named = names.map((name) => name.trim()).filter((name) => name !== '');
    if (/^\s*type\b/.test(clause) || (named.length > 0 && named.every((name) => name.startsWith('type '))))
      continue;
    loads.push(specifier);
  }
  for (const [, specifier] of text.matchAll(/\bimport\s*\(?\s*'([^']+)'/g)) loads.push(specifier);
  return loads.map((specifier) =>
    specifier.startsWith('.')
      ? path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)).replace(/\.js$/, '.ts')
      : specifier,
  );
}

/** Problems of an entry for browsers: all that it loads must be this package's own, or one of `packages`. */
export function entryProblems(sources, entry, packages) {
  const from = new Map([[entry, null]]);
  const problems = [];
  for (const [file] of from) {
    for (const target of loadsOf(file, sources.get(file) ?? '')) {
      if (sources.has(target)) {
        if (!from.has(target)) from.set(target, file);
      } else if (!packages.some((name) => target === name || target.startsWith(`${name}/`))) {
        const way = [];
        for (let at = file; at !== null; at = from.get(at)) way.unshift(`src/${at}`);
        problems.push(`a browser cannot load ${target}: ${way.join(' loads ')} loads it`);
      }
    }
  }
  return problems;
}

/** Problems of folders with too many files at one level; `allowed` names those that still have more. */
export function crowdProblems(sources, allowed) {
  const counts = new Map();
  for (const file of sources.keys()) {
    const folder = path.posix.dirname(file);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  const crowded = [...counts].filter(([, count]) => count > MOST_FILES);
  return [
    ...crowded
      .filter(([folder]) => !allowed.includes(folder))
      .map(
        ([folder, count]) =>
          `src/${folder} shows ${count} files at one level, at most ${MOST_FILES} fit: fold it`,
      ),
    ...allowed
      .filter((folder) => !crowded.some(([one]) => one === folder))
      .map(
        (folder) =>
          `src/${folder} is not crowded any more: take it from the list in scripts/check-layers.mjs`,
      ),
  ];
}
