// A report on a terminal and as Markdown. Text from files is made harmless before it is printed.
// Knows tables of cells; nothing of how figures are computed.

import Table from 'cli-table3';
import { type EvaluationReport, remarks } from './report.js';
import { type ReportTable, reportTables } from './report-tables.js';

/** Tables that are printed on a terminal; the others are in the files. */
const ON_TERMINAL = 5;

/** No lines between rows. */
const WITHOUT_LINES = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

/** The report for a terminal: its first tables and what has to be known before they are read. */
export function terminalText(report: EvaluationReport, colour = false): string {
  const tables = reportTables(report)
    .slice(0, ON_TERMINAL)
    .map(({ title, head, rows }) => {
      const table = new Table({
        head: [...head],
        chars: WITHOUT_LINES,
        style: colour ? {} : { head: [], border: [] },
        colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
      });
      table.push(...rows.map((cells) => cells.map(harmless)));
      return `${title}\n${table.toString()}`;
    });
  return `${[heading(report), ...tables, remarks(report).map(harmless).join('\n')].join('\n\n')}\n`;
}

/** The report as Markdown, every table in it. */
export function markdownText(report: EvaluationReport): string {
  const { chains, protocol, settings, pgenrm, created } = report;
  const { identity } = chains;
  return `${[
    '# Evaluation',
    [
      `- model: ${cell(chains.model)}, SHA-256 \`${identity.model.sha256 ?? 'unknown'}\``,
      `- template: ${cell(identity.template.name)}, data: ${identity.data.format}${identity.data.split === null ? '' : `, split ${cell(identity.data.split)}`}, SHA-256 \`${identity.data.fingerprint}\``,
      `- protocol: ${protocol.rules}`,
      `- run ${chains.run}, sampled ${chains.created}, computed ${created} by pgenrm ${pgenrm}; ${settings.resamples} resamples, seed ${settings.seed}, ${settings.kernels} kernels`,
      ...remarks(report).map((line) => `- ${cell(line)}`),
    ].join('\n'),
    ...reportTables(report).map(markdownTable),
  ].join('\n\n')}\n`;
}

function markdownTable({ title, note, head, rows }: ReportTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  const rule = `|${head.map((_, column) => (column === 0 ? ' --- |' : ' ---: |')).join('')}`;
  return `## ${title}\n\n${note}\n\n${[line(head), rule, ...rows.map(line)].join('\n')}`;
}

function heading({ chains, protocol }: EvaluationReport): string {
  return harmless(`${chains.model}, protocol ${protocol.name}, run ${chains.run}`);
}

/** Text without control characters, which could steer a terminal or end a line. */
export function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ').replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

/** Text that stays text in a Markdown table. */
function cell(text: string): string {
  return harmless(text).replace(/[\\|<>`*_[\]]/g, (sign) => `\\${sign}`);
}
