// Tables of plain text cells, printed alike on a terminal, as Markdown and as HTML.
// Knows cells; nothing of what they say. Text from files is made harmless before it is printed.

import Table from 'cli-table3';

/** One table. The first column is text, the others are numbers. */
export interface ReportTable {
  readonly title: string;
  /** What the columns mean, where their heads do not say it. */
  readonly note: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** No lines between rows. */
const WITHOUT_LINES = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

/** A table for a terminal, its title above it. */
export function terminalTable({ title, head, rows }: ReportTable, colour: boolean): string {
  const table = new Table({
    head: head.map(harmless),
    chars: WITHOUT_LINES,
    style: colour ? {} : { head: [], border: [] },
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
  });
  table.push(...rows.map((cells) => cells.map(harmless)));
  return `${harmless(title)}\n${table.toString()}`;
}

/** A table as a section of a Markdown file. */
export function markdownTable({ title, note, head, rows }: ReportTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(markdownCell).join(' | ')} |`;
  const rule = `|${head.map((_, column) => (column === 0 ? ' --- |' : ' ---: |')).join('')}`;
  return `## ${title}\n\n${note}\n\n${[line(head), rule, ...rows.map(line)].join('\n')}`;
}

/** Text without control characters, which could steer a terminal or end a line. */
export function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ').replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

/** Text that stays text in a Markdown table. */
export function markdownCell(text: string): string {
  return harmless(text).replace(/[\\|<>`*_[\]]/g, (sign) => `\\${sign}`);
}
