// An evaluation's page: its facts, tables and pictures.
// Knows the report; how a page is written is `report/page.ts`.

import type { Picture } from '../../report/chart.js';
import { htmlPage } from '../../report/page.js';
import { remarks } from './remarks.js';
import type { EvaluationReport } from './report.js';
import { reportTables } from './report-tables.js';

/** The page. Text from files stands in it as text; there is no script and nothing is fetched. */
export function reportPage(report: EvaluationReport, pictures: readonly Picture[]): string {
  const { chains, protocol, settings, pgenrm, created } = report;
  const { identity } = chains;
  const facts = [
    `model ${chains.model}, SHA-256 ${identity.model.sha256 ?? 'unknown'}`,
    `template ${identity.template.name}; data ${identity.data.format}${identity.data.split === null ? '' : `, split ${identity.data.split}`}, SHA-256 ${identity.data.fingerprint}`,
    `protocol: ${protocol.rules}`,
    `run ${chains.run}, sampled ${chains.created}; computed ${created} by pgenrm ${pgenrm}, ${settings.resamples} resamples, seed ${settings.seed}, ${settings.kernels} kernels`,
    ...remarks(report),
  ];
  return htmlPage({
    title: `pgenrm evaluation ${chains.run}`,
    heading: 'Evaluation',
    facts,
    tables: reportTables(report),
    pictures,
  });
}
