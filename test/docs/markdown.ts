// What of a Markdown page a test can run: shell blocks, files to save, and why a block is not run.
// Knows the pages' conventions; runs nothing.

/** A block of shell commands of a page. */
export interface ShellBlock {
  /** Line of its first command, from 1. */
  readonly line: number;
  readonly text: string;
  /** From `<!-- not run: REASON -->` above it, or where it installs the package; else null. */
  readonly notRun: string | null;
}

/** A file that the page has the reader save: `<!-- file: NAME -->` above a fence. */
export interface SavedFile {
  readonly name: string;
  readonly text: string;
}

/** First words of a line that make an indented block one of shell commands. */
const PROGRAMS = /^(npx|pgenrm|npm|node|curl|pip|llama-server|vllm|docker|cp|cd|export)\s/;
const MARK = /^<!-- (not run|file): (.+) -->$/;

/** The blocks of a page, fenced as `sh` or indented, and the files that it has the reader save. */
export function readPage(page: string): { readonly shell: ShellBlock[]; readonly files: SavedFile[] } {
  const shell: ShellBlock[] = [];
  const files: SavedFile[] = [];
  const lines = page.split('\n');
  let mark: { readonly kind: string; readonly what: string } | null = null;
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at]!;
    const seen = MARK.exec(line);
    if (seen !== null) {
      mark = { kind: seen[1]!, what: seen[2]! };
      continue;
    }
    if (line === '') continue;
    const fence = /^```(\w*)$/.exec(line);
    const start = at;
    const block: string[] = [];
    if (fence !== null) {
      for (at += 1; lines[at] !== undefined && lines[at] !== '```'; at += 1) block.push(lines[at]!);
    } else if (line.startsWith('    ') && lines[at - 1] === '') {
      for (; lines[at]?.startsWith('    '); at += 1) block.push(lines[at]!.slice(4));
    } else {
      mark = null;
      continue;
    }
    const text = block.join('\n');
    const isShell = fence === null ? PROGRAMS.test(text) : fence[1] === 'sh';
    if (mark?.kind === 'file') files.push({ name: mark.what, text });
    if (isShell) {
      const installs = /^npm install\b/.test(text) ? 'installs from the registry' : null;
      shell.push({ line: start + 1, text, notRun: mark?.kind === 'not run' ? mark.what : installs });
    }
    mark = null;
  }
  return { shell, files };
}

/** Each `pgenrm` command of a block as words; continued lines are joined, comments and pipes are cut off. */
export function pgenrmCommands(text: string): string[][] {
  const lines = text.replace(/\\\n\s*/g, ' ').split('\n');
  return lines.flatMap((line) => {
    const found = /^(?:npx )?pgenrm\s+([^#|>]*)/.exec(line);
    return found === null ? [] : [found[1]!.trim().split(/\s+/)];
  });
}

/** Lines outside of tables and fences that are longer than `most` characters, by number. */
export function longLines(page: string, most: number): number[] {
  return page
    .split('\n')
    .flatMap((line, at) => (line.length > most && !line.startsWith('|') ? [at + 1] : []));
}

/** Links to other files of the repository, with their anchors; code is left out. */
export function localLinks(page: string): { readonly path: string; readonly anchor: string }[] {
  const text = withoutCode(page);
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
    if (/^[a-z]+:/.test(target!)) return [];
    const [path, anchor = ''] = target!.split('#');
    return [{ path: path!, anchor }];
  });
}

/** The anchors of a page's headings, as GitHub names them. */
export function anchorsOf(page: string): Set<string> {
  const headings = [...withoutCode(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replace(/ /g, '-'),
  );
  return new Set(headings);
}

const withoutCode = (page: string): string => page.replace(/^```[\s\S]*?^```$/gm, '');
