// A report on a terminal and as Markdown. Text from files is made harmless before it is printed.
// Knows tables of cells; nothing of how figures are computed.

import { markdownCell as cell, harmless, markdownTable, terminalTable } from '../../report/table.js';
import { remarks } from './remarks.js';
import type { EvaluationReport } from './report.js';
import { reportTables, terminalTables } from './report-tables.js';

/** The report for a terminal: accuracy in its tables and what has to be known before they are read. */
export function terminalText(report: EvaluationReport, colour = false): string {
  const tables = terminalTables(report).map((table) => terminalTable(table, colour));
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

function heading({ chains, protocol }: EvaluationReport): string {
  return harmless(`${chains.model}, protocol ${protocol.name}, run ${chains.run}`);
}
